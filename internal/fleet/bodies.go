package fleet

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"sync"
)

// bodies are the JSON of what a root renders, compressed until somebody asks
// for one of them: caches are read whole, and manifests of one root are alike.
type bodies struct {
	packed string
	once   sync.Once
	all    string
}

// text is a part of them, "" when there is no such part.
func (b *bodies) text(from, size int) string {
	b.once.Do(func() {
		all, err := io.ReadAll(flate.NewReader(strings.NewReader(b.packed)))
		if err == nil { // its checksum held
			b.all = string(all)
		}
	})
	if from < 0 || size < 0 || from > len(b.all)-size {
		return ""
	}
	return b.all[from : from+size]
}

// writers are kept, since one of them is larger than most of what it writes.
var writers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // the level is one
	return w
}}

func compress(text string) string {
	var out bytes.Buffer
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	w.Reset(&out)
	_, _ = io.WriteString(w, text) // a buffer takes everything
	_ = w.Close()
	return out.String()
}
