#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# systemd understands the units, has nothing to say against them, and enabling them moves the one name that it should. All of it in a
# tree of its own: the machine's units are neither read nor touched.
set -u
failed=0
for tool in systemctl systemd-analyze; do
    command -v $tool >/dev/null || { echo "no $tool: nothing was checked"; exit 77; }
done
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
mkdir "$root/runtime"
XDG_RUNTIME_DIR=$root/runtime
export XDG_RUNTIME_DIR

fault() {
    echo "units: $1"
    failed=1
}

# same WHAT EXPECTED FOUND
same() {
    [ "$2" = "$3" ] || fault "$1: expected \"$2\", found \"$3\""
}

# program PATH: something that can be executed, where a unit wants it
program() {
    mkdir -p "$root$(dirname "$1")" && printf '#!/bin/sh\n' >"$root$1" && chmod +x "$root$1"
}

# fill SCOPE: a tree as a distribution has it, with the stock bus's units and ours
fill() {
    local folder="$root/usr/lib/systemd/$1"
    mkdir -p "$folder"
    for unit in basic.target shutdown.target sysinit.target sockets.target local-fs.target umount.target systemd-tmpfiles-setup.service \
        systemd-journald.socket; do
        printf '[Unit]\nDescription=stub\nDefaultDependencies=no\n' >"$folder/$unit"
    done
    printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' >>"$folder/systemd-tmpfiles-setup.service"
    printf '[Socket]\nListenStream=/run/stub\n' >>"$folder/systemd-journald.socket"
    printf '[Socket]\nListenStream=/run/bus\n' >"$folder/dbus.socket"
    printf '[Unit]\nRequires=dbus.socket\n[Service]\nExecStart=/bin/true\n' >"$folder/dbus.service"
    cp data/"$1"/*.service "$folder/"
}

# switched SCOPE: where the name dbus.service leads to beside the stock unit
switched() {
    basename "$(readlink "$root/etc/systemd/$1/dbus.service" || echo stock)"
}

mkdir -p "$root/etc/systemd/system" "$root/etc/systemd/user" "$root/usr/lib" "$root/usr/bin"
ln -s usr/lib "$root/lib"
ln -s usr/bin "$root/bin"
program /usr/bin/true
for unit in data/system/*.service data/user/*.service; do
    for path in $(sed -n 's/^Exec[A-Za-z]*=\([^ ]*\).*/\1/p' "$unit"); do
        program "$path"
    done
    grep -n '@[a-z]*@' $unit && fault "$unit has unfilled places"
done
fill system
fill user

# verify SCOPE UNIT OPTION...
verify() {
    local scope=$1 unit=$2 said
    shift 2
    said=$(systemd-analyze --$scope verify --man=no "$@" "$unit" 2>&1) || fault "systemd-analyze verify fails for $unit of data/$scope"
    same "systemd-analyze verify of $unit of data/$scope" '' "$said"
}

verify system postern.service --root="$root"
verify system postern-launch@.service --root="$root"
# For the units of users it knows no --root: the paths that it is to find get the tree's name instead.
mkdir "$root/user"
cp "$root"/usr/lib/systemd/user/* "$root/user/"
sed -i "s,^\\(Exec[A-Za-z]*\\)=/,\\1=$root/," "$root"/user/*.service
(SYSTEMD_UNIT_PATH=$root/user && export SYSTEMD_UNIT_PATH && verify user postern.service && exit $failed) || failed=1

# The stock units' place is never written to, so that going back needs nothing but the removal of what is in /etc.
for scope in system user; do
    case $scope in system) which= ;; user) which=--global ;; esac
    stock=$(cksum <"$root/usr/lib/systemd/$scope/dbus.service")
    same "$scope before" stock "$(switched $scope)"
    systemctl --root="$root" $which --quiet enable postern.service || fault "$scope: enable fails"
    same "$scope enabled" postern.service "$(switched $scope)"
    same "$scope: links" 1 "$(find "$root/etc/systemd/$scope" -type l | wc -l)"
    systemctl --root="$root" $which --quiet disable postern.service || fault "$scope: disable fails"
    same "$scope disabled" stock "$(switched $scope)"
    same "$scope: links left" 0 "$(find "$root/etc/systemd/$scope" -type l | wc -l)"
    same "$scope: stock unit" "$stock" "$(cksum <"$root/usr/lib/systemd/$scope/dbus.service")"
done

# What is taken away from the bus stays away: 26 with systemd 252. The scale is that of systemd-analyze, 0 is best; dbus.service of Debian 12
# has 96.
systemd-analyze security --offline=true --threshold=30 --root="$root" postern.service >"$root/exposure" 2>&1 || {
    fault 'data/system/postern.service is more exposed than it was'
    tail -n 1 "$root/exposure"
}
exit $failed
