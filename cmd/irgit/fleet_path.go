package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/fleet"
)

// pathAnswer is what path prints as JSON.
type pathAnswer struct {
	ownerAnswer
	Fields    []string         `json:"fields"`
	Obstacles []fleet.Obstacle `json:"obstacles"`
}

func newFleetPathCommand(environ []string) *cobra.Command {
	var fields []string
	c := asking(environ, &cobra.Command{
		Use:     "path KIND/NAME",
		Short:   "List what could stop a change of an object on its way from Git to the cluster",
		Example: "  irgit fleet path deployment/payments -n payments --cluster prod-eu --field spec.replicas",
	}, func(cmd *cobra.Command, v *view, p placed) error {
		obstacles, err := p.index.Path(cmd.Context(), v.fleet.Tree(), p.ref, fields...)
		if err != nil {
			return explain(err)
		}
		owner, err := ownerOf(p)
		if err != nil {
			return err
		}
		t := &table{columns: []column{{"EFFECT", 0}, {"WHY", 3}, {"WHAT TO DO", 2}, {"FROM", 2}}}
		for _, o := range obstacles {
			effect := "may stop"
			if o.Blocking {
				effect = "stops"
			}
			t.add(effect, o.Reason, o.Step, o.File)
		}
		if len(obstacles) == 0 {
			t.add("none", "nothing that Git tells stands in the way", "", strings.Join(owner.Files, ", "))
		}
		v.incomplete(p.findings())
		return v.print(pathAnswer{owner, orEmpty(fields), orEmpty(obstacles)}, t)
	})
	c.Flags().StringArrayVar(&fields, "field", nil, "path of a field that changes, such as spec.replicas; may be given several times (default: any)")
	return c
}
