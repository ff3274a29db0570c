package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
	"sigs.k8s.io/yaml"
)

// Config is everything irgit can be told outside the fleet repository. It is
// filled, in rising order of precedence, from defaults, irgit.yaml, IRGIT_*
// variables (dots become underscores: IRGIT_AUTH_TOKEN) and flags. Unknown
// keys are errors.
type Config struct {
	Repo      string          `mapstructure:"repo"`      // URL or path of the fleet repository
	Base      string          `mapstructure:"base"`      // base branch; "" is the remote's default
	Cache     string          `mapstructure:"cache"`     // cache folder; "off" for none
	Cluster   string          `mapstructure:"cluster"`   // for alerts that do not name theirs
	Policies  string          `mapstructure:"policies"`  // folder that extends the built-in policies
	Templates string          `mapstructure:"templates"` // folder that extends the built-in action templates
	Author    AuthorConfig    `mapstructure:"author"`
	Auth      AuthConfig      `mapstructure:"auth"`
	Signing   SigningConfig   `mapstructure:"signing"`
	Forge     ForgeConfig     `mapstructure:"forge"`
	Redaction RedactionConfig `mapstructure:"redaction"`
}

// AuthorConfig is who containment commits are by.
type AuthorConfig struct {
	Name  string `mapstructure:"name"`
	Email string `mapstructure:"email"`
}

// AuthConfig is how irgit logs in to the git remote.
type AuthConfig struct {
	Username   string `mapstructure:"username"`
	Token      string `mapstructure:"token" secret:"true"`
	SSHKey     string `mapstructure:"sshKey"`     // file
	KnownHosts string `mapstructure:"knownHosts"` // file
}

// SigningConfig is how commits are signed.
type SigningConfig struct {
	Format     string `mapstructure:"format"` // ssh, openpgp, or "" when key is "" too
	Key        string `mapstructure:"key"`    // file with the private key
	Passphrase string `mapstructure:"passphrase" secret:"true"`
}

// ForgeConfig is where pull requests are opened.
type ForgeConfig struct {
	Kind       string `mapstructure:"kind"`       // github, git (the branch is the proposal), or auto: by the repository's address
	URL        string `mapstructure:"url"`        // API of a GitHub Enterprise Server
	Repository string `mapstructure:"repository"` // owner/name; default: of the repository's address
	Token      string `mapstructure:"token" secret:"true"`
}

// RedactionConfig is how secrets in evidence are masked.
type RedactionConfig struct {
	Key string `mapstructure:"key"` // file; equal secrets get equal digests under it, without it none
}

// flagKeys maps a flag's name to the configuration key that it sets.
var flagKeys = map[string]string{
	"repo":      "repo",
	"base":      "base",
	"cache":     "cache",
	"cluster":   "cluster",
	"policies":  "policies",
	"templates": "templates",
}

func defaults() map[string]any {
	return map[string]any{
		"repo": "", "base": "", "cache": defaultCache(), "cluster": "", "policies": "", "templates": "",
		"author.name": "irgit", "author.email": "irgit@localhost",
		"auth.username": "", "auth.token": "", "auth.sshkey": "", "auth.knownhosts": "",
		"signing.format": "", "signing.key": "", "signing.passphrase": "",
		"forge.kind": "auto", "forge.url": "", "forge.repository": "", "forge.token": "", "redaction.key": "",
	}
}

func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "off"
	}
	return filepath.Join(dir, "irgit")
}

// loadConfig reads the configuration. file is --config, "" when not given:
// then ./irgit.yaml is read if it is there. environ is os.Environ's form.
func loadConfig(file string, environ []string, flags *pflag.FlagSet) (*Config, error) {
	v := viper.New()
	for key, value := range defaults() {
		v.SetDefault(key, value)
	}
	if file == "" {
		if _, err := os.Stat("irgit.yaml"); err == nil {
			file = "irgit.yaml"
		}
	}
	if file != "" {
		v.SetConfigFile(file)
		v.SetConfigType("yaml")
		if err := v.ReadInConfig(); err != nil {
			return nil, usageError{fmt.Errorf("read configuration %s: %w", file, err), "see the README for what irgit.yaml may hold"}
		}
	}
	if err := mergeEnvironment(v, environ); err != nil {
		return nil, err
	}
	for name, key := range flagKeys {
		if flag := flags.Lookup(name); flag != nil && flag.Changed {
			v.Set(key, flag.Value.String())
		}
	}
	var c Config
	strict := func(d *mapstructure.DecoderConfig) { d.ErrorUnused = true }
	if err := v.Unmarshal(&c, strict); err != nil {
		return nil, usageError{fmt.Errorf("configuration %s: %w", file, flatten(err)), "known keys: " + strings.Join(knownKeys(), ", ")}
	}
	return &c, c.check()
}

// mergeEnvironment takes every IRGIT_* variable, and refuses one that names no
// key: a misspelt variable would otherwise be silently ignored.
func mergeEnvironment(v *viper.Viper, environ []string) error {
	known := make(map[string]string)
	for key := range defaults() {
		known["IRGIT_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))] = key
	}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "IRGIT_") {
			continue
		}
		key, ok := known[name]
		if !ok {
			return usageError{fmt.Errorf("environment: %s sets no configuration key", name), "known keys: " + strings.Join(knownKeys(), ", ")}
		}
		v.Set(key, value)
	}
	return nil
}

func (c *Config) check() error {
	switch {
	case !slices.Contains([]string{"", "ssh", "openpgp"}, c.Signing.Format):
		return usageError{fmt.Errorf("configuration: signing.format: %q is not known", c.Signing.Format), "use ssh or openpgp"}
	case !slices.Contains([]string{"auto", "github", "git"}, c.Forge.Kind):
		return usageError{fmt.Errorf("configuration: forge.kind: %q is not known", c.Forge.Kind), "use auto, github or git"}
	case (c.Signing.Format == "") != (c.Signing.Key == ""):
		return usageError{errors.New("configuration: signing needs both format and key"), "set signing.format to ssh or openpgp and signing.key to the file of the private key"}
	}
	return nil
}

// print writes the configuration as irgit.yaml would hold it.
func (c Config) print(w io.Writer) error {
	values := make(map[string]any)
	if err := mapstructure.Decode(c.redacted(), &values); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	out, err := yaml.Marshal(values)
	if err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	_, err = w.Write(out)
	return err
}

// redacted returns a copy in which secrets that are set read "(set)".
func (c Config) redacted() Config {
	hide(reflect.ValueOf(&c).Elem())
	return c
}

func hide(v reflect.Value) {
	for i := range v.NumField() {
		field := v.Field(i)
		switch {
		case field.Kind() == reflect.Struct:
			hide(field)
		case v.Type().Field(i).Tag.Get("secret") == "true" && field.String() != "":
			field.SetString("(set)")
		}
	}
}

func knownKeys() []string {
	var keys []string
	for key := range defaults() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// flatten puts a decoder's many-line error on one line.
func flatten(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
