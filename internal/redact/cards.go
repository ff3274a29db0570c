package redact

// cards finds payment card numbers: 13 to 19 digits of a known issuer with a
// right check digit (ISO/IEC 7812-1), written together or in groups of four to
// six with one kind of separator. Digits inside a longer word, a UUID or a
// number with a point are none.
func cards(text string, spans []span) []span {
	var room [20]byte
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		if end := fewDigits(text, i); end > 0 {
			i = end - 1
			continue
		}
		end, digits, grouped := digitRun(text, i, room[:0])
		joined := i > 0 && joins(text[i-1]) || end < len(text) && joins(text[end])
		if grouped && !joined && isCard(digits) {
			spans = append(spans, span{i, end, "payment-card"})
		}
		i = end - 1
	}
	return spans
}

// fewDigits gives the end of a run that is too short for a card and that
// nothing continues; 0 for any other.
func fewDigits(text string, start int) (end int) {
	for end = start; end < len(text) && text[end] >= '0' && text[end] <= '9'; end++ {
	}
	if end-start > 12 || end+1 < len(text) && (text[end] == ' ' || text[end] == '-') && text[end+1] >= '0' && text[end+1] <= '9' {
		return 0
	}
	return end
}

// digitRun reads digits, as many as room has place for, and the single
// separators between them. Grouped says that they stand as on a card.
func digitRun(text string, start int, room []byte) (end int, digits []byte, grouped bool) {
	digits, grouped = room, true
	var separator byte
	group, end := 0, start
	for i := start; i < len(text); i++ {
		c := text[i]
		switch {
		case c >= '0' && c <= '9':
			if len(digits) < cap(digits) {
				digits = append(digits, c-'0')
			}
			group++
			end = i + 1
			continue
		case (c == ' ' || c == '-') && i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9':
			if separator == 0 {
				separator = c
			}
			grouped = grouped && c == separator && group >= 4 && group <= 6
			group = 0
			continue
		}
		break
	}
	return end, digits, grouped && (separator == 0 || group >= 2 && group <= 6)
}

// joins reports that a byte beside a number makes it part of something else.
func joins(c byte) bool {
	return c == '_' || c == '.' || c == '-' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isCard(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		n := int(d)
		if (len(digits)-i)%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return issued(digits) && sum%10 == 0
}

// issued knows the number ranges of the big schemes and their lengths.
func issued(digits []byte) bool {
	n := len(digits)
	if n < 13 || n > 19 {
		return false
	}
	head := 0 // the first four
	for _, d := range digits[:4] {
		head = head*10 + int(d)
	}
	between := func(low, high int) bool { return head >= low && head <= high }
	switch {
	case between(4000, 4999): // Visa
		return n == 13 || n == 16 || n == 19
	case between(5100, 5599), between(2221, 2720): // Mastercard
		return n == 16
	case between(3400, 3499), between(3700, 3799): // American Express
		return n == 15
	case between(3000, 3059), between(3600, 3699), between(3800, 3999): // Diners Club
		return n == 14 || n == 16
	case between(3528, 3589), between(6011, 6011), between(6440, 6599), between(6200, 6299): // JCB, Discover, UnionPay
		return n >= 16
	}
	return false
}
