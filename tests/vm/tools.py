# SPDX-License-Identifier: LGPL-2.1-or-later
"""What audit2allow and aa-logprof learn from the records that guests passed out: each rule is a test of its own.

A record is what the kernel hands to auditd, which writes "type=USER_AVC msg=" in front of it.
"""
import json
import os
import re
import shutil
import subprocess
import threading

import initramfs

SECONDS = 60
# By the guest's name without its kernel: what must come out of the records that its test_audit keeps.
RULES = {
    'selinux': ['allow deny_cli_t svc_t:dbus send_msg;', 'allow lax_t unconfined_t:dbus send_msg;',
                'allow cli_t svc_name_t:dbus acquire_svc;'],
    'apparmor': ['vm.narrow: dbus send bus=session path=/obj interface=com.example.Iface member=Other peer=(label=vm.service),',
                 'vm.deaf: dbus receive bus=session path=/obj interface=com.example.Iface member=Ping peer=(label=vm.caller),',
                 'vm.service: dbus bind bus=session name=com.example.Named,',
                 'vm.complain: dbus send bus=session path=/obj interface=com.example.Iface member=Ping peer=(label=vm.service),'],
}
GUESTS = ('selinux-6.1', 'selinux-new', 'apparmor-new')
# As aa-logprof itself, which looks for AppArmor in this kernel before it looks at a log; nothing here needs it.
LOGPROF = '''
import runpy, sys
import apparmor.aa
apparmor.aa.check_for_apparmor = lambda *_: '/sys/kernel/security/apparmor'
apparmor.aa.reload_base = lambda *_: None
sys.argv[0] = 'aa-logprof'
runpy.run_path(%r, run_name='__main__')
'''


def audit2allow(log, work, policy):
    """The rules, and what else it said."""
    done = subprocess.run([initramfs.find('audit2allow'), '-p', policy, '-i', log], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=SECONDS)
    return [line for line in done.stdout.splitlines() if line.startswith('allow ')], done.stdout


def answer(question, proposed):
    """Allows what it proposes, and saves it."""
    if question.get('dialog') != 'promptuser':
        return None
    if question.get('title') is not None:
        return 's'
    proposed += ['%s: %s' % (question['headers']['Profile'], option) for option in question['options']]
    return 'a'


def aa_logprof(log, work, policy):
    """The rules that it wrote into profiles without any."""
    folder = os.path.join(work, 'profiles')
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    names = sorted({rule.split(':')[0] for rule in RULES['apparmor']})
    for name in names:  # the real ones it may not be able to read: their language is newer than it
        with open(os.path.join(folder, name), 'w') as file:
            file.write('profile %s {\n  file,\n}\n' % name)
    said, proposed = [], []
    words = ['/usr/bin/python3', '-B', '-c', LOGPROF % initramfs.find('aa-logprof'), '-f', log, '-d', folder, '--json']
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
                          env={**os.environ, 'PYTHONUNBUFFERED': '1'}) as tool:
        timer = threading.Timer(SECONDS, tool.kill)
        timer.start()
        try:
            for line in tool.stdout:
                said.append(line)
                key = answer(json.loads(line), proposed) if line.startswith('{') else None
                if key:
                    tool.stdin.write(json.dumps({'dialog': 'promptuser', 'response_key': key, 'selected': 0}) + '\n')
        except BrokenPipeError:
            pass
        finally:
            timer.cancel()
    written = []
    for name in names:
        with open(os.path.join(folder, name)) as file:
            written += ['%s: %s' % (name, line.strip()) for line in file if line.strip().startswith('dbus')]
    said.append('proposed: %s\nwritten: %s\n' % (proposed, written))
    return [rule for rule in written if rule in proposed], ''.join(said)


def readable(record, module):
    """libapparmor's parser of logs (that of Debian 12) gives up at the label of the daemon, which newer kernels put before the message."""
    return re.sub(r"^([^']*?) subj=\S+( \([a-z]+\))?(?= msg=')", r'\1', record) if module == 'apparmor' else record


def look(guest, work, policy):
    """(rules that came out, [what is wrong])"""
    module = guest.rsplit('-', 1)[0]
    tool = {'selinux': audit2allow, 'apparmor': aa_logprof}[module]
    log = os.path.join(work, guest, 'audit.log')
    with open(os.path.join(work, guest, 'records')) as file:
        records = file.read().splitlines()
    with open(log, 'w') as file:
        file.writelines('type=USER_AVC msg=%s\n' % readable(record, module) for record in records)
    try:
        rules, said = tool(log, os.path.join(work, guest), policy)
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
        rules, said = [], repr(error)
    with open(os.path.join(work, guest, 'tool'), 'w') as file:
        file.write(said)
    missing = ['%s makes no rule "%s" of %d records: %s' % (tool.__name__, rule, len(records), os.path.join(work, guest, 'tool'))
               for rule in RULES[module] if rule not in rules]
    return len(RULES[module]) - len(missing), missing
