package fleet

// What cache files hold, in the order in which it stands there: whoever
// changes it changes cacheFormat.

func (e *entry) code(c *codec) {
	for _, s := range []*string{&e.Mode, &e.Root, &e.Kustomization, &e.Packed, &e.Bodies, &e.Failure, &e.FailureFile, &e.Outside} {
		c.text(s)
	}
	for _, l := range []*[]string{&e.Cover, &e.Transformers, &e.Kustomizations, &e.Nameless, &e.ConfigMaps, &e.Releases, &e.Missing} {
		c.texts(l)
	}
	objectsCode(c, &e.Leads)
}

func objectsCode(c *codec, objects *[]object) { sequence(c, objects, objectCode) }

func objectCode(c *codec, o *object) {
	for _, s := range []*string{&o.APIVersion, &o.Kind, &o.Namespace, &o.Name, &o.Data, &o.File} {
		c.text(s)
	}
	c.size(&o.size)
	optional(c, &o.Workload, workloadCode)
	c.flag(&o.Indexed)
	sequence(c, &o.Init, containerCode)
	optional(c, &o.Scales, func(c *codec, t *scaleTarget) {
		c.text(&t.APIVersion)
		c.text(&t.Kind)
		c.text(&t.Name)
	})
}

// workloadCode leaves out what the index completes.
func workloadCode(c *codec, w *Workload) {
	for _, s := range []*string{&w.Namespace, &w.Kind, &w.Name, &w.APIVersion, &w.ServiceAccount} {
		c.text(s)
	}
	c.labels(&w.Labels)
	c.labels(&w.Selector)
	sequence(c, &w.Containers, containerCode)
	c.flag(&w.HostNetwork)
	optional(c, &w.Replicas, (*codec).number)
}

func containerCode(c *codec, o *Container) {
	c.text(&o.Name)
	c.text(&o.Image)
	sequence(c, &o.Ports, func(c *codec, p *Port) {
		c.text(&p.Name)
		c.number(&p.Number)
		c.text(&p.Protocol)
	})
}

func scannedDirsCode(c *codec, dirs *map[string]scannedDir) { table(c, dirs, scannedDirCode) }

func scannedDirCode(c *codec, d *scannedDir) {
	sequence(c, &d.Files, scannedFileCode)
	sequence(c, &d.Dirs, func(c *codec, b *belowDir) {
		c.text(&b.Name)
		c.text(&b.Hash)
	})
}

func scannedFileCode(c *codec, f *scannedFile) {
	c.text(&f.Name)
	c.texts(&f.Objects)
	for _, b := range []*bool{&f.Kustomization, &f.Component, &f.Chart} {
		c.flag(b)
	}
	c.texts(&f.References)
	c.text(&f.Problem)
}
