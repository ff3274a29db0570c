package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/alert"
)

func alertFlags(c *cobra.Command, file, source *string) {
	c.Flags().StringVar(file, "alert", "", "file with one or many alerts, or - for standard input")
	c.Flags().StringVar(source, "source", "auto", "what sent them: auto, or one that irgit alert sources lists")
	c.PreRun = func(cmd *cobra.Command, _ []string) {
		if *file == "-" {
			cmd.SetIn(interruptible(cmd.Context(), cmd.InOrStdin()))
		}
	}
}

// interruptible reads from r until ctx ends, whose cause is then the error. A
// read of a terminal or pipe cannot be called off, so it happens in a
// goroutine that is left behind with it: the process is about to exit.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	stop := context.AfterFunc(ctx, func() { in.CloseWithError(context.Cause(ctx)) })
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err) // nil: the end of the input
		stop()
	}()
	return out
}

// readAlerts reads and decodes a file of alerts, or standard input. The options
// are completed with the source and the time.
func readAlerts(stdin io.Reader, file, source string, o alert.Options) ([]alert.Item, error) {
	if file == "" {
		return nil, usageError{errors.New("no alert is given"), "use --alert FILE, or --alert - for standard input"}
	}
	var err error
	if o.Source, err = alert.ParseSource(source); err != nil {
		return nil, usageError{fmt.Errorf("--source: %w", err), "leave it out to have the source recognised"}
	}
	var data []byte
	if file == "-" {
		file = "standard input"
		if data, err = io.ReadAll(io.LimitReader(stdin, maxInput+1)); err != nil {
			return nil, fmt.Errorf("read alerts of standard input: %w", err)
		}
	} else if data, err = readFile(file); err != nil {
		return nil, usageError{fmt.Errorf("read alerts: %w", err), "--alert takes a file, or - for standard input"}
	}
	o.Received = time.Now().UTC().Truncate(time.Second)
	items, err := alert.Decode(data, o)
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
