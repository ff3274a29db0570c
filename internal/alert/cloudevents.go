package alert

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// event is what a CloudEvent says around the alerts that it carries.
type event struct {
	source, id string
	time       time.Time
	raw        string
}

func looksCloudEvent(n *node) bool { return n.get("specversion") != nil }

// decodeCloudEvent reads an event in the JSON format of CloudEvents 1.0
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md),
// also as one of a batch. The alert in it keeps its own source: who carried it
// did not find it.
func decodeCloudEvent(d *decoding, n *node, where string) {
	e, err := readEvent(n)
	var data *node
	if err == nil {
		data, err = eventData(n)
	}
	switch {
	case err != nil:
		d.problem(where, err)
	case data == nil:
		d.ignore(where, "the event carries no alert of a known source")
	default:
		d.carried(e, data, where)
	}
}

// carried decodes what an event carries. Source and id of the event identify
// it (THREATS F5), and the place within it one alert of several.
func (d *decoding) carried(e *event, data *node, where string) {
	inner := &decoding{Options: d.Options, decoders: d.decoders, masked: d.masked, secrets: d.secrets}
	if !e.time.IsZero() {
		inner.Received = e.time
	}
	if data.kind != array {
		inner.alertIn(data, where)
	}
	for i := range data.items {
		inner.alertIn(&data.items[i], element(where, "data", i))
	}
	for i, item := range inner.items {
		if item.Alert == nil {
			continue
		}
		item.Alert.ID = identify(CloudEvents, e.source, e.id, strconv.Itoa(i))
		if len(inner.items) == 1 {
			item.Alert.Digest = digest(e.raw)
		}
	}
	d.items = append(d.items, inner.items...)
}

func (d *decoding) alertIn(n *node, where string) {
	for _, c := range d.decoders {
		if n.kind == object && c.source != CloudEvents && c.looks(n) {
			c.decode(d, n, where)
			return
		}
	}
	d.ignore(where, "the event carries no alert of a known source")
}

func readEvent(n *node) (*event, error) {
	version, err := n.textOf("specversion")
	if err != nil {
		return nil, err
	}
	if version != "1.0" {
		return nil, problem("specversion: only 1.0 is known")
	}
	e := &event{raw: n.raw}
	for _, a := range []struct {
		name string
		into *string
	}{{"id", &e.id}, {"source", &e.source}, {"type", new(string)}} {
		if *a.into, err = n.textOf(a.name); err != nil {
			return nil, err
		}
		if *a.into == "" {
			return nil, problemf("%s: missing, and every event has one", a.name)
		}
	}
	if e.time, err = n.timeOf("time"); err != nil {
		return nil, err
	}
	return e, nil
}

// eventData gives the JSON that an event carries; nil when it carries none or
// something else.
func eventData(n *node) (*node, error) {
	data, packed := n.get("data"), n.get("data_base64")
	contentType, err := n.textOf("datacontenttype")
	if err != nil {
		return nil, err
	}
	switch {
	case data != nil && packed != nil:
		return nil, problem("data and data_base64 exclude each other")
	case data == nil && packed == nil:
		if n.get("dataref") != nil {
			return nil, problem("the event's data lies elsewhere, and nothing that an alert names is fetched: send it within the event")
		}
		return nil, nil
	case data != nil:
		return data, nil
	case packed.kind != text:
		return nil, problem("data_base64: want text")
	}
	raw, err := base64.StdEncoding.DecodeString(packed.text)
	if err != nil {
		return nil, problem("data_base64: not base64")
	}
	if !isJSON(contentType) {
		return nil, nil
	}
	data, err = parse(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, problemf("data_base64: %s", err)
	}
	return data, nil
}

// isJSON reads a media type; an event that names none carries JSON.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	media = strings.TrimSpace(media)
	return media == "" || strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "+json")
}

// binaryEvent reads an event in the binary mode of CloudEvents' HTTP binding:
// its attributes are headers, and the body is what it carries
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md).
// A file may hold the headers in front of the body, as a request is written.
// Ok is false for anything else.
func binaryEvent(header http.Header, whole string) (e *node, ok bool, err error) {
	if header == nil {
		header, whole = writtenHeader(whole)
	}
	if header.Get("Ce-Specversion") == "" {
		return nil, false, nil
	}
	e = &node{kind: object, raw: whole}
	add := func(name, value string) {
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		e.members = append(e.members, member{name, node{kind: text, raw: value, text: value}})
	}
	for name, values := range header {
		if attribute, is := strings.CutPrefix(strings.ToLower(name), "ce-"); is && len(values) == 1 && attribute != "data" {
			add(attribute, values[0])
		}
	}
	add("datacontenttype", header.Get("Content-Type"))
	if isJSON(header.Get("Content-Type")) && strings.TrimSpace(whole) != "" {
		data, err := parse(strings.TrimSpace(whole))
		if err != nil {
			return nil, true, problemf("the body of the event: %s", err)
		}
		e.members = append(e.members, member{"data", *data})
	}
	slices.SortFunc(e.members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return e, true, nil
}

// writtenHeader splits a request that was written to a file. The header is nil
// for text that is none with an event in it.
func writtenHeader(whole string) (http.Header, string) {
	text := strings.ReplaceAll(whole, "\r\n", "\n")
	if first, rest, _ := strings.Cut(text, "\n"); strings.HasPrefix(first, "POST ") && strings.Contains(first, " HTTP/") {
		text = rest
	}
	lines, body, ok := strings.Cut(text, "\n\n")
	if !ok || len(lines) > maxLook || strings.HasPrefix(lines, "{") || strings.HasPrefix(lines, "[") {
		return nil, whole
	}
	header := http.Header{}
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(name, " \t\"") {
			return nil, whole
		}
		header.Add(name, strings.TrimSpace(value))
	}
	if header.Get("Ce-Specversion") == "" {
		return nil, whole
	}
	return header, body
}
