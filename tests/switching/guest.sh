#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# One boot of the guest: what an administrator would look at, and do. Started by switch-test.service; switch.py reads what it leaves.
# usage: guest.sh STAGE
set -u
stage=$1
results=/switch/$stage.results
mediator_config=$(cat /switch/mediator-config)
bus='org.freedesktop.DBus /org/freedesktop/DBus'
runtime=/run/user/$(id -u tester)

# check NAME COMMAND...: one line of the results, with the end of what the command said when it failed.
check() {
    local name=$1 said
    shift
    echo "---- $name: $*"
    if said=$(timeout 60 bash -c '"$@"' check "$@" 2>&1); then
        echo "ok $name" >>"$results"
    else
        echo "not ok $name: $(printf '%s' "$said" | tail -n 6 | tr '\n' '|')" >>"$results"
    fi
    printf '%s\n' "$said"
}

# as_tester COMMAND...: an ordinary user, who has a user manager but no session
as_tester() {
    runuser -u tester -- env XDG_RUNTIME_DIR="$runtime" "$@"
}

# finds PATTERN COMMAND...
finds() {
    local pattern=$1 said
    shift
    said=$("$@" 2>&1)
    printf '%s\n' "$said"
    grep -Eq -- "$pattern" <<<"$said"
}

# fails PATTERN COMMAND...: it does, in these words, and not by a time-out
fails() {
    local pattern=$1 said
    shift
    if said=$(timeout 20 bash -c '"$@"' fails "$@" 2>&1); then
        echo "expected a failure: $said"
        return 1
    fi
    printf '%s\n' "$said"
    grep -Eq -- "$pattern" <<<"$said"
}

# status WANTED COMMAND...: the exit status
status() {
    local wanted=$1
    shift
    "$@"
    [ $? -eq "$wanted" ]
}

booted() {
    local state
    state=$(timeout 55 systemctl is-system-running --wait)
    echo "$state"
    systemctl --failed --no-legend --plain
    [ "$state" = running ]
}

# bus_program ARGUMENT...: the program behind the bus that busctl reaches with these arguments
bus_program() {
    readlink "/proc/$("$@" call $bus org.freedesktop.DBus GetConnectionUnixProcessID s org.freedesktop.DBus | cut -d' ' -f2)/exe"
}

main_program() {
    readlink "/proc/$("$@" show -P MainPID dbus.service)/exe"
}

# Every name that a machine without a bus would miss.
owned() {
    local name
    for name in org.freedesktop.systemd1 org.freedesktop.login1; do
        busctl call $bus org.freedesktop.DBus GetNameOwner s $name || return 1
    done
    [ "$(busctl call $bus org.freedesktop.DBus GetConnectionUnixProcessID s org.freedesktop.systemd1)" = 'u 1' ]
}

# The bus reads a service file that is new to it, on demand.
reload_finds_service() {
    cp /switch/new.service /usr/share/dbus-1/system-services/org.postern.Switch.New.service
    systemctl reload dbus.service && finds 'uid=0' busctl call org.postern.Switch.New / org.postern.Switch Facts
    local r=$?
    rm /usr/share/dbus-1/system-services/org.postern.Switch.New.service
    systemctl reload dbus.service && return $r
}

# What the stock daemon gives a service that it starts is what a service gets.
same_facts() {
    local which=$1
    shift
    "$@" >"/switch/$stage.$which.facts" || return 1
    cat "/switch/$stage.$which.facts"
    cmp "/switch/stock.$which.facts" "/switch/$stage.$which.facts"
}

restart_logind() {
    systemctl restart systemd-logind.service && loginctl list-sessions --no-legend && owned
}

environment_reaches_manager() {
    as_tester busctl --user call $bus org.freedesktop.DBus UpdateActivationEnvironment 'a{ss}' 1 SWITCH_TEST "$stage" || return 1
    finds "^SWITCH_TEST=$stage\$" as_tester systemctl --user show-environment
}

export -f as_tester finds fails status booted bus_program main_program owned reload_finds_service same_facts restart_logind \
    environment_reaches_manager
export bus runtime stage

# the_bus_is PROGRAM UNIT
the_bus_is() {
    check 'the system bus is this program' finds "^$1\$" bus_program busctl
    check "PID 1's dbus.service is this program" finds "^$1\$" main_program systemctl
    check "PID 1's dbus.service is this unit" finds "^$2\$" systemctl show -P Id dbus.service
    check "the user's bus is this program" finds "^$1\$" bus_program as_tester busctl --user
    check "the user's dbus.service is this unit" finds "^$2\$" as_tester systemctl --user show -P Id dbus.service
}

# What holds with any bus: whatever the stock daemon passes, the new one has to.
everything_works() {
    check 'names of PID 1 and logind are owned' owned
    check 'loginctl' loginctl show-user tester
    check 'hostnamectl starts hostnamed' finds 'Operating System' hostnamectl
    check 'timedatectl starts timedated' finds 'Time zone' timedatectl
    check 'localectl starts localed' finds 'System Locale' localectl
    check 'hostnamectl of an ordinary user' finds 'Operating System' as_tester hostnamectl
    check 'busctl lists' finds 'org.freedesktop.systemd1 ' busctl list
    check 'busctl walks a tree' finds '/org/freedesktop/systemd1' busctl tree org.freedesktop.systemd1
    check 'systemd-run waits for the end' status 7 systemd-run --wait --quiet sh -c 'exit 7'
    check 'an ordinary user may not stop services' fails 'denied|authentication required' as_tester systemctl --no-ask-password stop cron.service dbus.socket
    check 'a service is started by its unit' finds 'uid=0' busctl call org.postern.Switch.Unit / org.postern.Switch Facts
    check 'a service without unit is started' finds 'uid=0' busctl call org.postern.Switch.Plain / org.postern.Switch Facts
    check 'what the latter was started with' same_facts plain busctl call org.postern.Switch.Plain / org.postern.Switch Facts
    check 'a service whose unit is missing' fails 'switch-missing.service' busctl call org.postern.Switch.Broken / org.postern.Switch Facts
    check 'a service that nobody knows' fails 'not provided|not known|unknown|activat' busctl call org.postern.Switch.None / org.postern.Switch Facts
    check 'systemctl reload' reload_finds_service
    check 'logind comes back after a restart' restart_logind
    check "the user's systemctl" finds 'running|degraded' as_tester systemctl --user is-system-running
    check "the user's systemd-run" status 7 as_tester systemd-run --user --wait --quiet sh -c 'exit 7'
    check "a session service" finds 'starter=session' as_tester busctl --user call org.postern.Switch.Session / org.postern.Switch Facts
    check 'what it was started with' same_facts session as_tester busctl --user call org.postern.Switch.Session / org.postern.Switch Facts
    check 'activation environment reaches the user manager' environment_reaches_manager
    check 'environment of the user manager' finds "^DBUS_SESSION_BUS_ADDRESS=unix:path=$runtime/bus" as_tester systemctl --user show-environment
    check "the user's reload" as_tester systemctl --user reload dbus.service
}

# A mistake of the administrator's: refused, and what was in force stays.
faulty_reload() {
    echo '<busconfig><polycy/></busconfig>' >/etc/dbus-1/system-local.conf
    fails '.' systemctl reload dbus.service || { rm /etc/dbus-1/system-local.conf; return 1; }
    fails 'system-local.conf:1:' posternd --system --check
    local r=$?
    rm /etc/dbus-1/system-local.conf
    systemctl is-active dbus.service && systemctl reload dbus.service && owned && return $r
}

# filters PID: how many of system calls it has; a guest has some of its own
filters() {
    sed -n 's/^Seccomp_filters:.//p' "/proc/$1/status"
}

# Root for as long as it takes to become somebody else, and never more than that.
confined() {
    local pid uid
    pid=$(systemctl show -P MainPID postern.service)
    uid=$(id -u messagebus)
    cat "/proc/$pid/status" || return 1
    grep -Eq "^Uid:(\s$uid){4}\$" "/proc/$pid/status" && grep -q '^NoNewPrivs:.1$' "/proc/$pid/status" &&
        [ "$(filters "$pid")" -gt "$(filters 1)" ] && [ $((0x$(sed -n 's/^CapEff:.//p' "/proc/$pid/status") & ~(1 << 29))) -eq 0 ]
}

container_works() {
    finds '^unix:path=/run/dbus/containers/' /switch/peer contained || return 1
    ! /switch/peer contained | grep -E 'systemd1|login1'
}

no_complaints() {
    ! journalctl -b -q -o cat -p warning _COMM=posternd | grep -v -F -f /switch/expected
}
export -f faulty_reload filters confined container_works no_complaints

rm -f "$results"
case $stage in
    stock)
        check 'the machine runs' booted
        the_bus_is /usr/bin/dbus-daemon dbus.service
        everything_works
        # docs/switching.md, "Switching"
        check 'the configuration is sound' posternd --system --check
        check 'the configuration of the session bus is sound' posternd --session --check
        check 'switch the system bus' systemctl --no-reload enable postern.service
        check "switch the users' buses" systemctl --global enable postern.service
        check 'nothing happens before the next boot' finds '^/usr/bin/dbus-daemon$' bus_program busctl
        check 'PID 1 stays on its bus' owned
        # The next boot's trouble.
        cp "$mediator_config" /switch/mediator.conf
        echo '<mediator><containers default-mode="maybe"/></mediator>' >"$mediator_config"
        ;;
    rescue)
        # The bus does not come up. docs/switching.md, "When the machine comes up without a bus".
        check 'the machine comes up, as far as it can' systemctl is-active basic.target
        check 'the bus gives up' bash -c 'until systemctl is-failed --quiet dbus.socket; do sleep 0.5; done'
        check 'nobody is kept waiting for it' fails '.' busctl --timeout=5 list
        check 'people can log in' su --login tester --command 'id -u'
        check 'the journal says why' finds 'mediator.conf:1:[0-9]+' journalctl -b -u postern.service
        check 'so does --check' fails 'mediator.conf:1:[0-9]+' posternd --system --check
        check 'back by hand' rm /etc/systemd/system/dbus.service /etc/systemd/user/dbus.service
        check 'PID 1 learns of it' systemctl daemon-reload
        check 'the stock bus starts' systemctl restart dbus.socket dbus.service
        check 'logind need not wait any longer' systemctl restart systemd-logind.service
        check 'the failed unit is forgotten' systemctl reset-failed postern.service
        check 'the machine runs' booted
        check 'the stock bus is there' finds '^/usr/bin/dbus-daemon$' bus_program busctl
        check 'PID 1 is on it' bash -c 'until busctl status org.freedesktop.systemd1; do sleep 0.5; done'
        # And now without the fault, for the next boot.
        cp /switch/mediator.conf "$mediator_config"
        check 'the fault is gone' posternd --system --check
        check 'forth again' systemctl enable postern.service
        check "forth again, the users' buses" systemctl --global enable postern.service
        ;;
    postern)
        check 'the machine runs' booted
        the_bus_is "$(command -v posternd)" postern.service
        everything_works
        check 'Features' finds 'SystemdActivation.*HeaderFiltering|HeaderFiltering.*SystemdActivation' \
            busctl get-property $bus org.freedesktop.DBus Features
        check 'a faulty configuration is refused' faulty_reload
        check 'the bus is confined' confined
        check 'a container on the system bus' container_works
        check "a session service's output bears its name" finds 'serving org.postern.Switch.Session' \
            journalctl -b -q -o cat -t org.postern.Switch.Session
        check 'no complaints in the journal' no_complaints
        check 'switch the system bus back' systemctl --no-reload disable postern.service
        check "switch the users' buses back" systemctl --global disable postern.service
        check 'nothing happens before the next boot' finds posternd bus_program busctl
        check 'PID 1 stays on its bus' owned
        ;;
    back)
        check 'the machine runs' booted
        the_bus_is /usr/bin/dbus-daemon dbus.service
        everything_works
        check 'no trace in /etc/systemd' finds '^0$' sh -c 'find /etc/systemd -lname "*postern*" | wc -l'
        ;;
esac
echo end >>"$results"
