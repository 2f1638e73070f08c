# Starts a system of its own with systemd as its first process, in namespaces that `unshare` has made: the root of this
# machine, nothing of which can be written, with folders of its own for what a system keeps.
#
#   sh host.sh FOLDER SYSTEMD PROGRAM
#
# FOLDER has what the system keeps from one start to the next, SYSTEMD is a folder with systemd's packages unpacked, and
# PROGRAM is there as /usr/local/bin/backstay. The network is this machine's.
set -eu
kept=$1 systemd=$2 program=$3
root=$kept/root
mount --make-rprivate /
mkdir -p "$root" "$kept/etc/systemd/system" "$kept/var" "$kept/empty"
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir dev etc old proc root run sys tmp usr var
for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done

# What this machine has of systemd, if anything, may be of another version.
mount -t overlay -o "ro,lowerdir=$systemd/usr:/usr" overlay usr
mount -t overlay -o "ro,lowerdir=$systemd/bin:$systemd/usr/bin:/usr/bin" overlay usr/bin
mount -t overlay -o "ro,lowerdir=$systemd/lib:$systemd/usr/lib:/usr/lib" overlay usr/lib
mount -t tmpfs tmpfs usr/local
mkdir usr/local/bin
touch usr/local/bin/backstay
mount --bind "$program" usr/local/bin/backstay
# Nothing else is started: no device is set up, and no setting of the kernel made.
for target in basic graphical local-fs multi-user sockets sysinit timers; do
    wants=usr/lib/systemd/system/$target.target.wants
    if [ -d "$wants" ]; then mount --bind "$kept/empty" "$wants"; fi
done

mount --bind "$kept/etc" etc
mount --bind "$kept/var" var
# Without them it is a first start, at which every unit of the machine would be enabled.
[ -s etc/machine-id ] || tr -d - < /proc/sys/kernel/random/uuid > etc/machine-id
ln -sf /usr/lib/systemd/system/multi-user.target etc/systemd/system/default.target
echo 'root:x:0:0:root:/root:/bin/sh' > etc/passwd
echo 'root:x:0:' > etc/group

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs dev
for name in null zero full random urandom; do
    touch "dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
pivot_root . old
umount -l /old
exec env -i container=test PATH=/usr/local/bin:/usr/bin:/usr/sbin /lib/systemd/systemd --system --log-target=null
