package reach

import "fmt"

// truth is yes, no, or maybe with the reason why that cannot be told: Kleene's
// logic, in which a maybe goes away where it does not matter.
type truth struct {
	value ternary
	why   string
}

type ternary int8

const (
	isNo ternary = iota
	isMaybe
	isYes
)

var (
	yes = truth{value: isYes}
	no  = truth{value: isNo}
)

func maybe(format string, args ...any) truth {
	return truth{isMaybe, fmt.Sprintf(format, args...)}
}

func is(b bool) truth {
	if b {
		return yes
	}
	return no
}

// and is the least of its terms, and yes without any.
func and(terms ...truth) truth {
	least := yes
	for _, t := range terms {
		if t.value < least.value {
			least = t
		}
	}
	return least
}

// or is the greatest of its terms, and no without any.
func or(terms ...truth) truth {
	greatest := no
	for _, t := range terms {
		if t.value > greatest.value {
			greatest = t
		}
	}
	return greatest
}

func not(t truth) truth {
	return truth{isYes - t.value, t.why}
}

// some is or over what a test says of each item.
func some[T any](items []T, test func(T) truth) truth {
	found := no
	for _, item := range items {
		found = or(found, test(item))
	}
	return found
}
