package main

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const envPrefix = "CODEPOOL_"

// nearby is how many letters a variable may be away from a setting to be taken for a
// mistyped one. Others are left alone: Kubernetes, to name one, gives every process
// CODEPOOL_SERVICE_HOST and CODEPOOL_PORT where a service is named codepool.
const nearby = 2

// checkEnvironment refuses variables that look like settings and are none: a mistyped one
// must not go unnoticed.
func checkEnvironment(root *cobra.Command) error {
	known, typed, commands := envNames(root)
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		if value == "" || !strings.HasPrefix(name, envPrefix) || slices.Contains(known, name) {
			continue
		}
		if flag, ok := typed[name]; ok {
			return usage("%s: --%s is of one call and can only be typed", name, flag)
		}
		nearest := slices.MinFunc(known, func(x, y string) int { return distance(name, x) - distance(name, y) })
		ofCommand := slices.ContainsFunc(commands, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		far := min(nearby, len(strings.TrimPrefix(nearest, envPrefix))/2) // a short name is near to any other
		if ofCommand || distance(name, nearest) <= far {
			return usage("%s: no such setting, the nearest is %s", name, nearest)
		}
	}
	return nil
}

// envNames returns the variables that set flags, those that would set one that must be
// typed, with it, and what the variables of each command begin with.
func envNames(root *cobra.Command) (known []string, typed map[string]string, commands []string) {
	typed = map[string]string{}
	add := func(prefix string, flags *pflag.FlagSet) {
		flags.VisitAll(func(f *pflag.Flag) {
			if name := prefix + envName(f.Name); mustBeTyped(f) {
				typed[name] = f.Name
			} else {
				known = append(known, name)
			}
		})
	}
	add(envPrefix, root.PersistentFlags())
	known = append(known, configEnv)
	for _, name := range sharedSettings {
		known = append(known, setting{"", name}.env())
	}
	var below func(cmd *cobra.Command)
	below = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			prefix := envPrefix + envName(section(c)) + "_"
			commands = append(commands, prefix)
			add(prefix, c.LocalNonPersistentFlags())
			below(c)
		}
	}
	below(root)
	return known, typed, commands
}

// distance is how many letters must be put in, left out or exchanged to make a word
// another one (V. Levenshtein, 1966).
func distance(from, to string) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		left := row[0]
		row[0] = i + 1
		for j := range len(to) {
			exchange := left
			if from[i] != to[j] {
				exchange++
			}
			left = row[j+1]
			row[j+1] = min(exchange, left+1, row[j]+1)
		}
	}
	return row[len(to)]
}
