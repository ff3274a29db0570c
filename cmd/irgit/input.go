package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/redact"
)

func alertFlags(c *cobra.Command, file, source *string) {
	c.Flags().StringVar(file, "alert", "", "file with one or many alerts, or - for standard input")
	c.Flags().StringVar(source, "source", "auto", "falco, alertmanager, cloudevents or auto")
}

// readAlerts reads and decodes the input of --alert.
func readAlerts(stdin io.Reader, file, source string, redactor *redact.Redactor) ([]alert.Item, error) {
	if file == "" {
		return nil, usageError{errors.New("no alert is given"), "use --alert FILE, or --alert - for standard input"}
	}
	from, err := alert.ParseSource(source)
	if err != nil {
		return nil, usageError{fmt.Errorf("--source: %w", err), "leave it out to have the source recognised"}
	}
	var data []byte
	if file == "-" {
		file = "standard input"
		data, err = io.ReadAll(io.LimitReader(stdin, maxInput+1))
	} else {
		data, err = readFile(file)
	}
	if err != nil {
		return nil, usageError{fmt.Errorf("read alerts: %w", err), "--alert takes a file, or - for standard input"}
	}
	items, err := alert.Decode(data, alert.Options{Source: from, Redactor: redactor, Received: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return nil, invalidError{fmt.Errorf("read alerts of %s: %w", file, err), "irgit takes JSON: one alert, an array of them, one on each line, or what Alertmanager, falcosidekick and CloudEvents senders post"}
	}
	return items, nil
}

const maxInput = 64 << 20 // bytes taken in before the decoder's own limit says more

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	return io.ReadAll(io.LimitReader(f, maxInput+1))
}

