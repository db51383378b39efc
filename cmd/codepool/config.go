package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	defaultConfig = "codepool.toml"
	configEnv     = envPrefix + "CONFIG"
)

// typedFlags are flags that no environment and no file may set, in any command: they are
// about one call, or approve of one.
var typedFlags = []string{"config", "help", "force", "key", "id", "file", "reason"}

const typedNote = "codepool_only_typed"

// onlyTyped makes flags of one command such ones.
func onlyTyped(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		cobra.CheckErr(cmd.Flags().SetAnnotation(name, typedNote, []string{"true"}))
	}
}

// The settings that flags of several commands have in common: who somebody is, and what all
// of them must agree on, does not change from one command to the next.
const (
	bySetting      = "by"
	accountSetting = "account" // --account, and --owner of what it makes
	secretSetting  = "order-secret"
	baseSetting    = "pay-base"
)

var sharedSettings = []string{bySetting, accountSetting, secretSetting, baseSetting}

// pathSettings are those that a file names relative to itself.
var pathSettings = []string{"data", "secret", secretSetting}

const sharedNote = "codepool_shared"

// shares gives a flag the value of a shared setting where it has none of its own.
func shares(cmd *cobra.Command, flag, setting string) {
	cobra.CheckErr(cmd.Flags().SetAnnotation(flag, sharedNote, []string{setting}))
}

func mustBeTyped(f *pflag.Flag) bool {
	return slices.Contains(typedFlags, f.Name) || f.Annotations[typedNote] != nil
}

// configure gives each flag that was not typed its value from the environment, else
// from the configuration file. Both pass through the flag's own parser.
func (a *app) configure(cmd *cobra.Command) error {
	if err := checkEnvironment(cmd.Root()); err != nil {
		return err
	}
	file, err := a.readConfig(cmd.Root())
	if err != nil {
		return err
	}
	own := cmd.LocalNonPersistentFlags()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if err != nil || f.Changed || mustBeTyped(f) {
			return
		}
		from := []setting{{"", f.Name}}
		if own.Lookup(f.Name) != nil {
			from[0].section = section(cmd)
		}
		for _, name := range f.Annotations[sharedNote] {
			from = append(from, setting{"", name})
		}
		if value, source := file.configured(from); source != "" {
			err = set(cmd, f, value, source)
		}
	})
	if err == nil && a.data == "" {
		err = usage("--data is empty: name the directory of the store")
	}
	return err
}

// setting is where a flag's value can come from: its name, and the section of the command
// that it is of, "" for all commands.
type setting struct{ section, name string }

// section is what a command's part of the configuration is called: "mint", "packet.create".
func section(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return ""
	}
	return strings.TrimPrefix(section(cmd.Parent())+"."+cmd.Name(), ".")
}

func (s setting) env() string {
	if s.section == "" {
		return envPrefix + envName(s.name)
	}
	return envPrefix + envName(s.section) + "_" + envName(s.name)
}

// configured returns the value of the first setting that has one, and where it is from.
func (c configFile) configured(from []setting) (value, source string) {
	for _, s := range from {
		if value := os.Getenv(s.env()); value != "" {
			return value, s.env()
		}
	}
	for _, s := range from {
		if value, ok := c.values[s.section][s.name]; ok {
			return c.resolve(s.name, value), c.path
		}
	}
	return "", ""
}

func set(cmd *cobra.Command, f *pflag.Flag, value, source string) error {
	if err := cmd.Flags().Set(f.Name, value); err != nil {
		return usage("%s: %s: %w", source, f.Name, plain(err))
	}
	return nil
}

func envName(s string) string {
	return strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(s))
}

// configFile is what a configuration file says: values by section ("" for all
// commands) and flag.
type configFile struct {
	path   string
	values map[string]map[string]string
}

// resolve makes a relative path relative to the file that names it.
func (c configFile) resolve(name, value string) string {
	if slices.Contains(pathSettings, name) && value != "" && !filepath.IsAbs(value) {
		return filepath.Join(filepath.Dir(c.path), value)
	}
	return value
}

// readConfig reads the file that --config or CODEPOOL_CONFIG names, else
// codepool.toml if there is one.
func (a *app) readConfig(root *cobra.Command) (configFile, error) {
	c := configFile{path: a.config}
	if c.path == "" {
		c.path = os.Getenv(configEnv)
	}
	asked := c.path != ""
	if !asked {
		c.path = defaultConfig
	}
	text, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return configFile{}, nil
	}
	if err != nil {
		return c, usage("configuration: %w", err)
	}
	var tree map[string]any
	if err := toml.Unmarshal(text, &tree); err != nil {
		if d, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, column := d.Position()
			err = fmt.Errorf("%w (line %d, column %d)", err, line, column)
		}
		return c, usage("configuration %s: %w", c.path, err)
	}
	if c.values, err = flatten(root, tree); err != nil {
		return c, usage("configuration %s: %w", c.path, err)
	}
	return c, nil
}

// flatten checks every key of the file against the flags there are: a mistyped one
// must not go unnoticed.
func flatten(root *cobra.Command, tree map[string]any) (map[string]map[string]string, error) {
	values := map[string]map[string]string{}
	var errs []error
	put := func(section, key string, value any, known bool) {
		text, err := scalar(value)
		if !known {
			err = errors.New("no such setting")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", strings.TrimPrefix(section+"."+key, "."), err))
			return
		}
		values[section][key] = text
	}
	var read func(cmd *cobra.Command, tree map[string]any)
	read = func(cmd *cobra.Command, tree map[string]any) {
		in := section(cmd)
		values[in] = map[string]string{}
		for _, key := range slices.Sorted(maps.Keys(tree)) {
			known := settable(cmd.LocalNonPersistentFlags(), key)
			if cmd == root {
				known = settable(root.PersistentFlags(), key) || slices.Contains(sharedSettings, key)
			}
			table, ok := tree[key].(map[string]any)
			if !ok || known { // a table for a text is refused as such
				put(in, key, tree[key], known)
			} else if sub, _, err := cmd.Find([]string{key}); err == nil && sub != cmd {
				read(sub, table)
			} else {
				errs = append(errs, fmt.Errorf("[%s]: no such command", strings.TrimPrefix(in+"."+key, ".")))
			}
		}
	}
	read(root, tree)
	return values, errors.Join(errs...)
}

func settable(flags *pflag.FlagSet, name string) bool {
	f := flags.Lookup(name)
	return f != nil && !mustBeTyped(f)
}

// scalar writes a value of the file as one would type it.
func scalar(value any) (string, error) {
	switch v := value.(type) {
	case string, bool, int64, float64, toml.LocalDate:
		return fmt.Sprint(v), nil
	case interface{ MarshalText() ([]byte, error) }: // a date and time
		text, err := v.MarshalText()
		return string(text), err
	}
	return "", errors.New("want a text, a number, a time, true or false")
}
