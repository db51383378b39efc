//go:build !race

package server

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"codepool/bench/peer"
)

// ErrNotInstalled is returned when a program of a server is not found.
var ErrNotInstalled = errors.New("not installed")

// install is the command that ErrNotInstalled names.
const install = "apt-get install -y redis-server postgresql"

// Kinds returns the servers.
func Kinds() []peer.Kind {
	places := usualPlaces()
	all := kinds(places)
	for i := range all {
		all[i].Missing = func() error { return installed(places, all[i].Name) }
		all[i].Version = func() (program, version string) { return versionOf(places, all[i].Name) }
	}
	return all
}

// kinds returns the servers of programs in PATH or in places.
func kinds(places []string) []peer.Kind {
	return []peer.Kind{
		{
			Name: "redis", Type: (*redisPipelined)(nil), Resident: true,
			About: "two sets; AOF synced always; pipelined over a unix socket",
			Open: func(dir string) (peer.System, error) {
				r, err := openRedis(places, dir, redisForm{sync: "always"})
				if err != nil {
					return nil, err
				}
				return &redisPipelined{r}, nil
			},
		},
		{
			Name: "redis-everysec", Type: (*redisPipelined)(nil), Durability: peer.Soon,
			About: "two sets; AOF synced every second; pipelined over a unix socket",
			Open: func(dir string) (peer.System, error) {
				r, err := openRedis(places, dir, redisForm{sync: "everysec"})
				if err != nil {
					return nil, err
				}
				return &redisPipelined{r}, nil
			},
		},
		{
			Name: "redis-single", Type: (*redisSingle)(nil),
			About: "two sets; AOF synced always; a command a round trip, " + strconv.Itoa(redisConnections) + " connections",
			Open: func(dir string) (peer.System, error) {
				r, err := openRedis(places, dir, redisForm{sync: "always", single: true})
				if err != nil {
					return nil, err
				}
				return &redisSingle{r}, nil
			},
		},
		{
			Name: "postgres", Type: (*postgres)(nil),
			About: "a row a code, updated in place (HOT) with user and reference; synchronous_commit, " + strconv.Itoa(postgresConnections) + " connections",
			Open: func(dir string) (peer.System, error) {
				p, err := openPostgres(places, dir, marking)
				if err != nil {
					return nil, err
				}
				return p, nil
			},
		},
		{
			Name: "postgres-delete", Type: (*postgres)(nil),
			About: "a row a code, deleted; synchronous_commit, " + strconv.Itoa(postgresConnections) + " connections",
			Open: func(dir string) (peer.System, error) {
				p, err := openPostgres(places, dir, deleting)
				if err != nil {
					return nil, err
				}
				return p, nil
			},
		},
	}
}

// installed returns an error that wraps ErrNotInstalled if the kind of that name needs a
// program that is in none of the places.
func installed(places []string, name string) error {
	_, err := find(places, programs(name)...)
	return err
}

// programs are those that the kind of a name needs; the first is the server.
func programs(name string) []string {
	if strings.HasPrefix(name, "postgres") {
		return []string{postgresProgram, initdbProgram}
	}
	return []string{redisProgram}
}

var versionNumber = regexp.MustCompile(`\d+(\.\d+)+`)

// versionOf asks the server of a kind for its version, "" if it does not say.
func versionOf(places []string, name string) (program, version string) {
	program = programs(name)[0]
	dir, err := find(places, programs(name)...)
	if err != nil {
		return program, ""
	}
	out, err := exec.Command(filepath.Join(dir, program), "--version").Output()
	if err != nil {
		return program, ""
	}
	return program, string(versionNumber.Find(out))
}

// usualPlaces are the directories in which packages put programs that are not in PATH,
// the latest version first.
func usualPlaces() []string {
	places := []string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	} {
		found, _ := filepath.Glob(pattern) // fails only for a malformed pattern
		slices.SortFunc(found, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
		places = append(places, found...)
	}
	return places
}

// version is the number in a path, or 0.
func version(path string) int {
	digits := strings.Trim(path, "/abcdefghijklmnopqrstuvwxyz-@")
	n, _ := strconv.Atoi(digits)
	return n
}

// find returns the directory that has all the programs: one in PATH, else one of places.
func find(places []string, programs ...string) (string, error) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), places...) {
		if filepath.IsAbs(dir) && hasAll(dir, programs) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%s is %w; this installs it: %s", programs[0], ErrNotInstalled, install)
}

func hasAll(dir string, programs []string) bool {
	for _, p := range programs {
		if _, err := exec.LookPath(filepath.Join(dir, p)); err != nil {
			return false
		}
	}
	return true
}
