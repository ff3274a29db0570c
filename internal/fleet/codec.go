package fleet

import "encoding/binary"

// codec takes a value into a cache file, or out of one: what describes a type
// does both. It is made for reading: texts are parts of the one that is read,
// and nothing is copied. A codec that was given what no codec wrote reads empty
// values and is broken.
type codec struct {
	writing bool
	out     []byte
	in      string // what is left to read
	broken  bool
}

// write encodes a value.
func write[T any](v *T, each func(*codec, *T)) []byte {
	c := &codec{writing: true}
	each(c, v)
	return c.out
}

// read decodes a value, and reports whether data held one.
func read[T any](data string, v *T, each func(*codec, *T)) bool {
	c := &codec{in: data}
	each(c, v)
	return !c.broken
}

// number is written in fewer bytes the closer it is to zero.
func (c *codec) number(n *int64) {
	if c.writing {
		c.out = binary.AppendVarint(c.out, *n)
		return
	}
	var bits uint64
	for shift := 0; shift < 64 && len(c.in) > 0; shift += 7 {
		b := c.in[0]
		c.in = c.in[1:]
		bits |= uint64(b&0x7f) << shift
		if b < 0x80 {
			*n = int64(bits>>1) ^ -int64(bits&1) //nolint:gosec // as binary.Varint has it
			return
		}
	}
	*n, c.in, c.broken = 0, "", true
}

func (c *codec) size(n *int) {
	long := int64(*n)
	c.number(&long)
	*n = int(long)
}

func (c *codec) flag(b *bool) {
	n := int64(0)
	if *b {
		n = 1
	}
	c.number(&n)
	*b = n == 1
}

// length is that of a text, a list or a map, -1 for one that is nil. None is
// longer than the bytes that are left for it.
func (c *codec) length(n int) int {
	long := int64(n)
	c.number(&long)
	if !c.writing && (long < -1 || long > int64(len(c.in))) {
		c.in, c.broken = "", true
		return -1
	}
	return int(long)
}

func (c *codec) text(s *string) {
	n := c.length(len(*s))
	if c.writing {
		c.out = append(c.out, *s...)
		return
	}
	n = max(n, 0)
	*s, c.in = c.in[:n], c.in[n:]
}

func sequence[T any](c *codec, l *[]T, each func(*codec, *T)) {
	n := -1
	if *l != nil {
		n = len(*l)
	}
	if n = c.length(n); !c.writing {
		*l = nil
		if n >= 0 {
			*l = make([]T, n)
		}
	}
	for i := range *l {
		each(c, &(*l)[i])
	}
}

func optional[T any](c *codec, p **T, each func(*codec, *T)) {
	there := *p != nil
	if c.flag(&there); !there {
		return
	}
	if !c.writing {
		*p = new(T)
	}
	each(c, *p)
}

func (c *codec) texts(l *[]string) { sequence(c, l, (*codec).text) }

func table[V any](c *codec, m *map[string]V, each func(*codec, *V)) {
	n := -1
	if *m != nil {
		n = len(*m)
	}
	if n = c.length(n); c.writing {
		for key, value := range *m {
			c.text(&key)
			each(c, &value)
		}
		return
	}
	if *m = nil; n >= 0 {
		*m = make(map[string]V, n)
	}
	for range n {
		var key string
		var value V
		c.text(&key)
		each(c, &value)
		if c.broken {
			return
		}
		(*m)[key] = value
	}
}

func (c *codec) labels(m *map[string]string) { table(c, m, (*codec).text) }
