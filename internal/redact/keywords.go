package redact

import (
	"iter"
	"math/bits"
	"sync"
)

// matcher finds, in one pass over a text, which rules have a keyword in it,
// whatever the case of its letters. It is an automaton after Aho and Corasick
// over the few dozen bytes that keywords are made of.
type matcher struct {
	class [256]uint8 // of a byte; 0: no keyword has it
	width int        // number of classes
	next  []uint16   // by state*width + class
	ends  []set      // rules whose keywords end in a state
	any   []bool     // a state ends some keyword
}

// set holds numbers of rules.
type set [4]uint64

const maxRules = len(set{}) * 64

var keywords = sync.OnceValue(func() *matcher { return newMatcher(rules()) })

func newMatcher(rules []rule) *matcher {
	if len(rules) > maxRules {
		panic("redact: more rules than a set holds") // they are compiled in, and a test makes this
	}
	m := &matcher{width: 1}
	states := 1
	for _, r := range rules {
		for _, word := range r.keywords {
			states += len(word)
			for i := range len(word) {
				if m.class[word[i]] == 0 {
					m.class[word[i]] = uint8(m.width)
					m.width++
				}
			}
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		m.class[c] = m.class[c-'A'+'a']
	}
	m.next = make([]uint16, 0, states*m.width)
	m.ends = make([]set, 0, states)
	m.add()
	for i, r := range rules {
		for _, word := range r.keywords {
			m.insert(word, i)
		}
	}
	m.link()
	return m
}

func (m *matcher) add() uint16 {
	m.next = m.next[:len(m.next)+m.width] // there is room for all, and it is zero
	m.ends = append(m.ends, set{})
	return uint16(len(m.ends) - 1)
}

func (m *matcher) insert(word string, rule int) {
	state := uint16(0)
	for i := range len(word) {
		edge := int(state)*m.width + int(m.class[word[i]])
		if m.next[edge] == 0 {
			added := m.add()
			m.next[edge] = added
		}
		state = m.next[edge]
	}
	m.ends[state][rule/64] |= 1 << (rule % 64)
}

// link turns the tree of words into an automaton that never steps back.
func (m *matcher) link() {
	fail := make([]uint16, len(m.ends))
	queue := make([]uint16, 0, len(m.ends))
	for _, child := range m.next[:m.width] {
		if child != 0 {
			queue = append(queue, child)
		}
	}
	for n := 0; n < len(queue); n++ {
		state := queue[n]
		for i, more := range m.ends[fail[state]] {
			m.ends[state][i] |= more
		}
		for c := range m.width {
			edge := int(state)*m.width + c
			back := m.next[int(fail[state])*m.width+c]
			if child := m.next[edge]; child != 0 {
				fail[child] = back
				queue = append(queue, child)
			} else {
				m.next[edge] = back
			}
		}
	}
	m.any = make([]bool, len(m.ends))
	for i, e := range m.ends {
		m.any[i] = e != set{}
	}
}

// in gives the numbers of the rules with a keyword in the text, in order.
func (m *matcher) in(text string) iter.Seq[int] {
	var found set
	state := uint16(0)
	for i := range len(text) {
		state = m.next[int(state)*m.width+int(m.class[text[i]])]
		if m.any[state] {
			for j, e := range m.ends[state] {
				found[j] |= e
			}
		}
	}
	return func(yield func(int) bool) {
		for j, word := range found {
			for ; word != 0; word &= word - 1 {
				if !yield(j*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
