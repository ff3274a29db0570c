package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/irgit/irgit/internal/redact"
)

// Limits of one input.
const (
	MaxInput  = 8 << 20 // bytes
	MaxAlerts = 10_000
)

// Item is the answer to one alert of an input: exactly one of Alert, Ignored
// and Problem is set.
type Item struct {
	Where   string // "line 3", "[2]", "alerts[0]"; "" for the only one
	Alert   *Alert
	Ignored string // well-formed, and never triggers anything: one sentence
	Problem string // malformed: what is wrong and where, in words without the alert's text
}

// Options are what the bytes do not say.
type Options struct {
	Source   Source           // empty: Auto
	Redactor *redact.Redactor // nil: one without a key
	Received time.Time        // for alerts that carry no time; may be zero
	Mappings *Mappings        // of the configuration, for Generic; may be nil
	Header   http.Header      // of the request in which the bytes came; nil for a file
}

// Decode reads an input: a JSON object, an array, one object a line, or objects
// one after the other. The error says that the input as a whole cannot be
// read: it is empty, too large or of an unknown source. Everything else is said
// item by item, in the order of the input, and one bad line spoils no other.
func Decode(data []byte, o Options) ([]Item, error) {
	if o.Source == "" {
		o.Source = Auto
	}
	if _, err := ParseSource(string(o.Source)); err != nil {
		return nil, err
	}
	if len(data) > MaxInput {
		return nil, fmt.Errorf("the input has %d bytes, more than the %d allowed: send fewer alerts at once", len(data), MaxInput)
	}
	if o.Redactor == nil {
		o.Redactor = redact.New(nil)
	}
	whole := strings.Trim(strings.TrimPrefix(string(data), "\uFEFF"), " \t\r\n\x00")
	if whole == "" {
		return nil, errors.New("the input is empty: want the JSON of an alert")
	}
	d := &decoding{Options: o, decoders: decoders(o.Mappings), masked: map[string]string{}, secrets: map[string]bool{}}
	if o.Source == Auto || o.Source == CloudEvents {
		if event, ok, err := binaryEvent(o.Header, whole); err != nil {
			d.problem("", err)
			return d.items, nil
		} else if ok {
			decodeCloudEvent(d, event, "")
			return d.items, nil
		}
	}
	for p := range split(whole, d.isLine) {
		d.part(p)
		if len(d.items) > MaxAlerts {
			return nil, fmt.Errorf("the input holds more than %d alerts: send fewer at once", MaxAlerts)
		}
	}
	d.rates()
	return d.items, nil
}

// decoding is one run of Decode.
type decoding struct {
	Options
	decoders []decoder
	items    []Item
	refused  []*refusals       // of Envoy's log
	masked   map[string]string // short texts and what is left of them
	secrets  map[string]bool   // names, and whether they name one
	pairs    []pair            // room for those of the next alert
}

// part decodes one value of the input, or one line of a log.
func (d *decoding) part(p part) {
	if p.err == nil {
		d.value(p.value, p.where)
		return
	}
	for _, c := range d.decoders {
		if c.line != nil && (d.Source == c.source || d.Source == Auto && c.isLine(p.raw)) {
			c.line(d, p.raw, p.where)
			return
		}
	}
	d.problem(p.where, p.err)
}

// isLine reports that text that is no JSON is a line of a known log.
func (d *decoding) isLine(line string) bool {
	return slices.ContainsFunc(d.decoders, func(c decoder) bool {
		return c.isLine != nil && (d.Source == Auto || d.Source == c.source) && c.isLine(line)
	})
}

// add appends an alert, or why there is none.
func (d *decoding) add(where string, a *Alert, ignored string, err error) {
	item := Item{Where: where, Alert: a, Ignored: ignored}
	if err != nil {
		item = Item{Where: where, Problem: err.Error()}
	}
	d.items = append(d.items, item)
}

func (d *decoding) problem(where string, err error) { d.add(where, nil, "", err) }

func (d *decoding) ignore(where, why string) { d.add(where, nil, why, nil) }

// value decodes an alert, a group of them, or an array of either.
func (d *decoding) value(n *node, where string) {
	if n.kind != array {
		d.object(n, where)
		return
	}
	if len(n.items) == 0 {
		d.ignore(where, "an empty list holds no alert")
	}
	for i := range n.items {
		if len(d.items) > MaxAlerts {
			return
		}
		d.object(&n.items[i], element(where, "", i))
	}
}

func (d *decoding) object(n *node, where string) {
	if n.kind != object {
		d.problem(where, problem("want the JSON object of an alert here"))
		return
	}
	for _, c := range d.decoders {
		if d.Source == c.source || d.Source == Auto && c.looks(n) {
			c.decode(d, n, where)
			return
		}
	}
	d.problem(where, problemf("this has the shape of no known source (%s): name its source if it is one of them", sourceNames(d.decoders)))
}

// element names an item of an array.
func element(where, name string, i int) string {
	place := name + "[" + strconv.Itoa(i) + "]"
	switch {
	case where == "":
		return place
	case name == "":
		return where + place
	}
	return where + "." + place
}

// hashing is what digests are made with, again and again.
var hashing = sync.Pool{New: func() any { return &hasher{Hash: sha256.New()} }}

type hasher struct {
	hash.Hash
	buffer [1024]byte
	sum    [sha256.Size]byte
}

// add hashes text without a copy of all of it.
func (h *hasher) add(s string) {
	for len(s) > 0 {
		n := copy(h.buffer[:], s)
		h.Write(h.buffer[:n])
		s = s[n:]
	}
}

// hex ends the use of h with the first bytes of the sum.
func (h *hasher) hex(prefix string, n int) string {
	sum := h.Sum(h.sum[:0])
	out := hex.AppendEncode(append(h.buffer[:0], prefix...), sum[:n])
	text := string(out)
	h.Reset()
	hashing.Put(h)
	return text
}

// digest names raw bytes.
func digest(raw string) string {
	h := hashing.Get().(*hasher)
	h.add(raw)
	return h.hex("sha256:", sha256.Size)
}

// identify makes an id out of what stays the same when an alert is delivered
// again. The parts cannot run into each other.
func identify(source Source, parts ...string) string {
	h := hashing.Get().(*hasher)
	for _, p := range parts {
		n := append(strconv.AppendInt(h.buffer[:0], int64(len(p)), 10), ':')
		h.Write(n)
		h.add(p)
	}
	return h.hex(string(source)+":", 16)
}
