package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/forge"
)

// Config is everything irgit can be told outside the fleet repository. It is
// filled, in rising order of precedence, from defaults, irgit.yaml, IRGIT_*
// variables (dots become underscores: IRGIT_AUTH_TOKEN) and flags. Unknown
// keys are errors. So is an irgit.yaml that was found and not named, when it
// says where secrets of the environment go: see distrust.
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

	signedIn *forge.App // once app was asked
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
	SSHKey     string `mapstructure:"sshKey"`                   // file
	Passphrase string `mapstructure:"passphrase" secret:"true"` // of sshKey
	KnownHosts string `mapstructure:"knownHosts"`               // file

	App AppConfig `mapstructure:"app"`
}

// AppConfig is the GitHub App that irgit is, instead of a token.
type AppConfig struct {
	ID           string `mapstructure:"id"`                // the app's id or client id
	Installation string `mapstructure:"installation"`      // number of the installation on the repository's owner
	Key          string `mapstructure:"key" secret:"file"` // file of the app's private key
}

// SigningConfig is how commits are signed.
type SigningConfig struct {
	Format     string `mapstructure:"format"` // ssh, openpgp, or "" when key is "" too
	Key        string `mapstructure:"key"`    // file with the private key
	Passphrase string `mapstructure:"passphrase" secret:"true"`
}

// ForgeConfig is where pull requests are opened.
type ForgeConfig struct {
	Kind       string `mapstructure:"kind"`       // one of forgeKinds
	URL        string `mapstructure:"url"`        // of the API, where that is not at the repository's host
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
		"auth.username": "", "auth.token": "", "auth.sshkey": "", "auth.passphrase": "", "auth.knownhosts": "",
		"auth.app.id": "", "auth.app.installation": "", "auth.app.key": "",
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
	found := false
	if file == "" {
		if _, err := os.Stat("irgit.yaml"); err == nil {
			file, found = "irgit.yaml", true
		}
	}
	if file != "" {
		v.SetConfigFile(file)
		v.SetConfigType("yaml")
		if err := v.ReadInConfig(); err != nil {
			return nil, usageError{fmt.Errorf("read configuration %s: %w", file, err), "see the README for what irgit.yaml may hold"}
		}
	}
	given, err := mergeEnvironment(v, environ)
	if err != nil {
		return nil, err
	}
	for name, key := range flagKeys {
		if flag := flags.Lookup(name); flag != nil && flag.Changed {
			v.Set(key, flag.Value.String())
			given[key] = true
		}
	}
	if found {
		if err := distrust(v, file, given); err != nil {
			return nil, err
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
// key: a misspelt variable would otherwise be silently ignored. It returns the
// keys that it set.
func mergeEnvironment(v *viper.Viper, environ []string) (given map[string]bool, err error) {
	known := make(map[string]string)
	for _, key := range knownKeys() {
		known[variable(key)] = key
	}
	given = make(map[string]bool)
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "IRGIT_") || injected(name) {
			continue
		}
		key, ok := known[name]
		if !ok {
			return nil, usageError{fmt.Errorf("environment: %s sets no configuration key", name), "known variables: " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")}
		}
		v.Set(key, value)
		given[key] = true
	}
	return given, nil
}

// variable is the environment's name of a key.
func variable(key string) string {
	return "IRGIT_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// injected tells the variables that Kubernetes puts into every pod beside a
// Service called irgit.
func injected(name string) bool {
	return strings.HasPrefix(name, "IRGIT_SERVICE_") || name == "IRGIT_PORT" || strings.HasPrefix(name, "IRGIT_PORT_")
}

// destinations are the keys that decide which server is shown the secrets.
var destinations = []string{"repo", "forge.url", "forge.repository"}

// distrust refuses a configuration file that merely lay in the working
// directory, such as one of a repository that somebody else wrote, where it
// decides which server gets to see secrets of the environment.
func distrust(v *viper.Viper, file string, given map[string]bool) error {
	for _, secret := range secretKeys() {
		if !given[secret] || v.GetString(secret) == "" {
			continue
		}
		for _, key := range destinations {
			if v.InConfig(key) && !given[key] && fmt.Sprint(v.Get(key)) != "" {
				return usageError{
					fmt.Errorf("configuration: %s of the working directory sets %s, and with that where the secret of %s goes", file, key, variable(secret)),
					fmt.Sprintf("--config %s says that you trust the file; or set %s", file, overriding(key)),
				}
			}
		}
	}
	return nil
}

// overriding is how a key is set by whoever runs irgit.
func overriding(key string) string {
	if flagKeys[key] != "" {
		return variable(key) + " or --" + key
	}
	return variable(key)
}

func (c *Config) check() error {
	switch {
	case !slices.Contains([]string{"", "ssh", "openpgp"}, c.Signing.Format):
		return usageError{fmt.Errorf("configuration: signing.format: %q is not known", c.Signing.Format), "use ssh or openpgp"}
	case !slices.Contains(forgeKinds, c.Forge.Kind):
		return usageError{fmt.Errorf("configuration: forge.kind: %q is not known", c.Forge.Kind), "use one of " + strings.Join(forgeKinds, ", ")}
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

// secretKeys are the keys of fields that are tagged as secrets, or as files of
// them.
func secretKeys() []string { return secretsOf(reflect.TypeFor[Config](), "") }

func secretsOf(group reflect.Type, prefix string) (keys []string) {
	for i := range group.NumField() {
		field := group.Field(i)
		key := strings.ToLower(prefix + field.Tag.Get("mapstructure"))
		switch {
		case field.Type.Kind() == reflect.Struct:
			keys = append(keys, secretsOf(field.Type, key+".")...)
		case field.Tag.Get("secret") != "":
			keys = append(keys, key)
		}
	}
	return keys
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
