#!/bin/sh
# Installs the servers that the benchmark compares with, on Debian and its kin, as root. The
# benchmark starts servers of its own: those of the packages are not started, by a policy
# that holds while this runs, and no database is made for them.
set -eu

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
fi
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server postgresql
