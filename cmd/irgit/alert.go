package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/alert"
)

func newAlertCommand(environ []string) *cobra.Command {
	group := &cobra.Command{
		Use:   "alert",
		Short: "Show how alerts are understood",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(newDecodeCommand(environ), newSourcesCommand())
	return group
}

type decodeOptions struct {
	config, source, output, mappings string
}

func newDecodeCommand(environ []string) *cobra.Command {
	o := &decodeOptions{}
	c := &cobra.Command{
		Use:   "decode FILE|-",
		Short: "Show the normal form of alerts, redacted",
		Long: `decode reads a file, or standard input, and shows every alert in the one form
that policies match and records keep. What is ignored or cannot be understood is
said on standard error, with its place and the reason.`,
		Example: "  kubectl logs -n tetragon ds/tetragon -c export-stdout | irgit alert decode -\n  irgit alert decode --source guardduty -o json finding.json",
		Args:    oneArgument("a file with one or many alerts, or - for standard input"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.decode(cmd, environ, args[0]) },
	}
	c.Flags().StringVar(&o.config, "config", "", "configuration file (default: irgit.yaml if it is there)")
	c.Flags().StringVar(&o.source, "source", "auto", "auto, or a source that irgit alert sources lists")
	c.Flags().StringVar(&o.mappings, "mappings", "", "YAML file with the mappings of source generic")
	c.Flags().StringVarP(&o.output, "output", "o", "text", "text or json (one object per alert)")
	c.PreRun = func(cmd *cobra.Command, args []string) {
		if args[0] == "-" {
			cmd.SetIn(interruptible(cmd.Context(), cmd.InOrStdin()))
		}
	}
	return c
}

func (o *decodeOptions) decode(cmd *cobra.Command, environ []string, file string) error {
	if o.output != "text" && o.output != "json" {
		return usageError{fmt.Errorf("-o %s is not known", o.output), "use text or json"}
	}
	config, err := loadConfig(o.config, environ, cmd.Flags())
	if err != nil {
		return err
	}
	redactor, err := config.redactor()
	if err != nil {
		return err
	}
	options := alert.Options{Redactor: redactor}
	if o.mappings != "" {
		if options.Mappings, err = readMappings(o.mappings); err != nil {
			return err
		}
	}
	items, err := readAlerts(cmd.InOrStdin(), file, o.source, options)
	if err != nil {
		return err
	}
	problems := 0
	for _, item := range items {
		switch {
		case item.Alert == nil:
			if item.Problem != "" {
				problems++
			}
			fmt.Fprintln(cmd.ErrOrStderr(), notTaken(item))
		case o.output == "json":
			err = json.NewEncoder(cmd.OutOrStdout()).Encode(item.Alert)
		default:
			err = showAlert(cmd.OutOrStdout(), item)
		}
		if err != nil {
			return err
		}
	}
	if problems > 0 {
		return invalidError{fmt.Errorf("%d of %d alerts cannot be understood", problems, len(items)), "each line above names the place and the reason"}
	}
	return nil
}

// readMappings reads a file with a list of mappings under the key generic.
func readMappings(name string) (*alert.Mappings, error) {
	data, err := readFile(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("read mappings: %w", err), "--mappings takes a file"}
	}
	var file struct {
		Generic []alert.Mapping `json:"generic"`
	}
	if err := yaml.UnmarshalStrict(data, &file); err != nil {
		return nil, invalidError{fmt.Errorf("read mappings of %s: %w", name, flatten(err)), "see docs/sources.md for what a mapping may hold"}
	}
	mappings, err := alert.NewMappings(file.Generic)
	if err != nil {
		return nil, invalidError{fmt.Errorf("mappings of %s: %w", name, err), "see docs/sources.md for what a mapping may hold"}
	}
	return mappings, nil
}

func notTaken(item alert.Item) string {
	where := item.Where
	if where == "" {
		where = "the alert"
	}
	if item.Problem != "" {
		return fmt.Sprintf("%s: %s", where, item.Problem)
	}
	return fmt.Sprintf("%s: ignored: %s", where, item.Ignored)
}

// showAlert prints an alert for people. Every value may be an attacker's, so
// that nothing of one reaches a terminal as it is (THREATS E1).
func showAlert(out io.Writer, item alert.Item) error {
	a := item.Alert
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name string, values ...string) {
		values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		if len(values) > 0 {
			fmt.Fprintf(w, "  %s\t%s\n", name, visible(strings.Join(values, ", ")))
		}
	}
	fmt.Fprintf(w, "%s\n", strings.TrimSpace(item.Where+" "+visible(a.Rule)))
	row("id", a.ID)
	row("source", string(a.Source))
	row("severity", a.Severity.String())
	if !a.Time.IsZero() {
		row("time", a.Time.Format(time.RFC3339Nano))
	}
	s := a.Subject
	for _, f := range []struct{ name, value string }{
		{"cluster", s.Cluster},
		{"namespace", s.Namespace},
		{"pod", s.Pod},
		{"workload", strings.TrimSpace(s.Workload.Kind + " " + s.Workload.Name)},
		{"container", s.Container},
		{"image", s.Image},
		{"node", s.Node},
		{"service account", s.ServiceAccount},
	} {
		row(f.name, f.value)
	}
	for _, i := range a.Indicators {
		row(i.Type, i.Value)
	}
	row("techniques", a.Techniques...)
	row("tactics", a.Tactics...)
	row("stage", a.Stage)
	for _, name := range slices.Sorted(maps.Keys(a.Fields)) {
		fmt.Fprintf(w, "  field %s\t%s\n", visible(name), visible(a.Fields[name]))
	}
	row("digest", a.Digest)
	if a.Truncated {
		row("truncated", "something was cut, or the sender said so")
	}
	return w.Flush()
}

func newSourcesCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "sources",
		Short: "List the sources of alerts that are understood",
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch output {
			case "json":
				return printJSON(cmd.OutOrStdout(), alert.Sources())
			case "text":
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "SOURCE\tUNDERSTOOD")
				for _, s := range alert.Sources() {
					fmt.Fprintf(w, "%s\t%s\n", s.Source, s.About)
				}
				return w.Flush()
			}
			return usageError{fmt.Errorf("-o %s is not known", output), "use text or json"}
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return c
}
