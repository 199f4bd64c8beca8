/* What cgroup paths say: one row for each habit of an engine, a driver or systemd. */
#include "load/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define CUT "0123456789ab"
#define UID "0f8fad5b-d9cb-469f-a165-70867728950e"
#define UUS "0f8fad5b_d9cb_469f_a165_70867728950e"
#define STA "9f86d081884c7d659a2feaa0c55ad015"
#define POD "pod 0f8fad5b"

#define CGROUP    JB_WORKLOAD_CGROUP
#define CONTAINER JB_WORKLOAD_CONTAINER
#define PODK      JB_WORKLOAD_POD
#define UNIT      JB_WORKLOAD_UNIT
#define JOB       JB_WORKLOAD_JOB
#define SESSION   JB_WORKLOAD_SESSION

static const struct row {
    const char *path;
    enum jb_workload_kind kind;
    const char *engine, *name, *container, *pod, *unit, *job;
} rows[] = {
    /* Nothing known. */
    {"/", CGROUP, "", "root", "", "", "", ""},
    {"", CGROUP, "", "root", "", "", "", ""},
    {"/mine", CGROUP, "", "mine", "", "", "", ""},
    {"/a/b/c", CGROUP, "", "c", "", "", "", ""},
    {"//a//b//", CGROUP, "", "b", "", "", "", ""},
    {"/esc\033[31m", CGROUP, "", "esc?[31m", "", "", "", ""},
    {"/job_17/step_0", CGROUP, "", "step_0", "", "", "", ""},
    {"/podium", CGROUP, "", "podium", "", "", "", ""},
    /* Docker. */
    {"/docker/" ID, CONTAINER, "docker", CUT, ID, "", "", ""},
    {"/system.slice/docker-" ID ".scope", CONTAINER, "docker", CUT, ID, "", "docker-" ID ".scope", ""},
    {"/docker.slice/docker-" ID ".scope", CONTAINER, "docker", CUT, ID, "", "docker-" ID ".scope", ""},
    {"/docker/" ID "/init", CONTAINER, "docker", CUT, ID, "", "", ""},
    {"/docker/" ID "/system.slice/nginx.service", UNIT, "docker", "nginx", ID, "", "nginx.service", ""},
    {"/docker/" ID "/docker/" ID2, CONTAINER, "docker", "fedcba987654", ID2, "", "", ""},
    {"/actions_job/" ID, CONTAINER, "docker", CUT, ID, "", "", ""},
    {"/system.slice/docker.service", UNIT, "systemd", "docker", "", "", "docker.service", ""},
    {"/docker/buildkit", CGROUP, "", "buildkit", "", "", "", ""},
    {"/system.slice/docker-0123.scope", UNIT, "systemd", "docker-0123", "", "", "docker-0123.scope", ""},
    {"/ecs/" STA "/" ID, CONTAINER, "docker", CUT, ID, "", "", ""},
    {"/ecs/" STA "/" STA "-1234567890", CONTAINER, "docker", "9f86d081884c", STA "-1234567890", "", "", ""},
    {"/ecstasks.slice/ecstasks-" STA ".slice/docker-" ID ".scope", CONTAINER, "docker", CUT, ID, "",
     "docker-" ID ".scope", ""},
    /* containerd. */
    {"/default/" ID, CONTAINER, "containerd", CUT, ID, "", "", ""},
    {"/k8s.io/" ID, CONTAINER, "containerd", CUT, ID, "", "", ""},
    {"/system.slice/nerdctl-" ID ".scope", CONTAINER, "containerd", CUT, ID, "", "nerdctl-" ID ".scope", ""},
    {"/system.slice/containerd.service/kubepods-burstable-pod" UUS ".slice:cri-containerd:" ID, CONTAINER,
     "containerd", CUT, ID, UID, "containerd.service", ""},
    {"/system.slice/containerd.service/kubepods-pod" UUS ".slice:cri-containerd:" ID, CONTAINER, "containerd",
     CUT, ID, UID, "containerd.service", ""},
    /* Kubernetes, systemd driver. */
    {"/kubepods.slice", UNIT, "systemd", "kubepods", "", "", "kubepods.slice", ""},
    {"/kubepods.slice/kubepods-burstable.slice", UNIT, "systemd", "kubepods-burstable", "", "",
     "kubepods-burstable.slice", ""},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UUS ".slice", PODK, "", POD, "", UID,
     "kubepods-burstable-pod" UUS ".slice", ""},
    {"/kubepods.slice/kubepods-pod" UUS ".slice", PODK, "", POD, "", UID, "kubepods-pod" UUS ".slice", ""},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UUS ".slice/cri-containerd-" ID
     ".scope",
     CONTAINER, "containerd", CUT, ID, UID, "cri-containerd-" ID ".scope", ""},
    {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UUS ".slice/crio-" ID ".scope",
     CONTAINER, "cri-o", CUT, ID, UID, "crio-" ID ".scope", ""},
    {"/kubepods.slice/kubepods-pod" UUS ".slice/crio-conmon-" ID ".scope", CONTAINER, "cri-o", "conmon " CUT,
     ID, UID, "crio-conmon-" ID ".scope", ""},
    {"/kubepods.slice/kubepods-pod" UUS ".slice/docker-" ID ".scope", CONTAINER, "docker", CUT, ID, UID,
     "docker-" ID ".scope", ""},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" STA ".slice", PODK, "", "pod 9f86d081",
     "", STA, "kubepods-burstable-pod" STA ".slice", ""},
    {"/kubepods.slice/kubepods-pod" UUS ".slice/crio-" ID ".scope/container", CONTAINER, "cri-o", CUT, ID,
     UID, "crio-" ID ".scope", ""},
    {"/kubepods.slice/kubepods-podnot_a_uid.slice", UNIT, "systemd", "kubepods-podnot_a_uid", "", "",
     "kubepods-podnot_a_uid.slice", ""},
    {"/docker/" ID2 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
     "kubelet-kubepods-burstable-pod" UUS ".slice/cri-containerd-" ID ".scope",
     CONTAINER, "containerd", CUT, ID, UID, "cri-containerd-" ID ".scope", ""},
    /* Kubernetes, cgroupfs driver. */
    {"/kubepods", CGROUP, "", "kubepods", "", "", "", ""},
    {"/kubepods/burstable", CGROUP, "", "burstable", "", "", "", ""},
    {"/kubepods/burstable/pod" UID, PODK, "", POD, "", UID, "", ""},
    {"/kubepods/pod" UID, PODK, "", POD, "", UID, "", ""},
    {"/kubepods/burstable/pod" UID "/" ID, CONTAINER, "", CUT, ID, UID, "", ""},
    {"/kubepods/besteffort/pod" UID "/" ID "/sub", CONTAINER, "", CUT, ID, UID, "", ""},
    {"/kubepods/besteffort/pod" UID "/crio-" ID, CONTAINER, "cri-o", CUT, ID, UID, "", ""},
    {"/kubepods/burstable/pod" STA "/" ID, CONTAINER, "", CUT, ID, STA, "", ""},
    {"/kubepods/burstable/pod0f8fad5b-d9cb-469f-a165-7086772895", CGROUP, "",
     "pod0f8fad5b-d9cb-469f-a165-7086772895", "", "", "", ""},
    /* k3s and the kubelet themselves. */
    {"/system.slice/k3s.service", UNIT, "systemd", "k3s", "", "", "k3s.service", ""},
    {"/system.slice/k3s.service/kubepods/burstable/pod" UID "/" ID, CONTAINER, "", CUT, ID, UID,
     "k3s.service", ""},
    {"/system.slice/kubelet.service", UNIT, "systemd", "kubelet", "", "", "kubelet.service", ""},
    /* Podman. */
    {"/machine.slice/libpod-" ID ".scope", CONTAINER, "podman", CUT, ID, "", "libpod-" ID ".scope", ""},
    {"/machine.slice/libpod-" ID ".scope/container", CONTAINER, "podman", CUT, ID, "", "libpod-" ID ".scope",
     ""},
    {"/machine.slice/libpod-conmon-" ID ".scope", CONTAINER, "podman", "conmon " CUT, ID, "",
     "libpod-conmon-" ID ".scope", ""},
    {"/machine.slice/machine-libpod_pod_" ID2 ".slice", PODK, "podman", "pod fedcba987654", "",
     "fedcba987654", "machine-libpod_pod_" ID2 ".slice", ""},
    {"/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", CONTAINER, "podman", CUT, ID,
     "fedcba987654", "libpod-" ID ".scope", ""},
    {"/libpod_parent/libpod-" ID, CONTAINER, "podman", CUT, ID, "", "", ""},
    {"/libpod_parent/" ID, CONTAINER, "podman", CUT, ID, "", "", ""},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container", CONTAINER,
     "podman", CUT, ID, "", "libpod-" ID ".scope", ""},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/user-libpod_pod_" ID2 ".slice/libpod-" ID
     ".scope",
     CONTAINER, "podman", CUT, ID, "fedcba987654", "libpod-" ID ".scope", ""},
    {"/system.slice/web.service/libpod-payload-" ID, CONTAINER, "podman", CUT, ID, "", "web.service", ""},
    /* LXC, machines. */
    {"/lxc/web1", CONTAINER, "lxc", "web1", "web1", "", "", ""},
    {"/lxc.payload.web1", CONTAINER, "lxc", "web1", "web1", "", "", ""},
    {"/lxc.monitor.web1", CONTAINER, "lxc", "lxc.monitor.web1", "web1", "", "", ""},
    {"/lxc.payload.web1/system.slice/ssh.service", UNIT, "lxc", "ssh", "web1", "", "ssh.service", ""},
    {"/machine.slice/machine-debian.scope", CONTAINER, "systemd-nspawn", "debian", "debian", "",
     "machine-debian.scope", ""},
    {"/machine.slice/systemd-nspawn@debian.service", CONTAINER, "systemd-nspawn", "debian", "debian", "",
     "systemd-nspawn@debian.service", ""},
    {"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", CONTAINER, "libvirt", "qemu-1-vm", "qemu-1-vm", "",
     "machine-qemu\\x2d1\\x2dvm.scope", ""},
    {"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/vcpu0", CONTAINER, "libvirt", "qemu-1-vm",
     "qemu-1-vm", "", "machine-qemu\\x2d1\\x2dvm.scope", ""},
    /* Slurm. */
    {"/system.slice/slurmstepd.scope/job_17", JOB, "slurm", "job 17", "", "", "slurmstepd.scope", "17"},
    {"/system.slice/slurmstepd.scope/job_17/step_0/user/task_0", JOB, "slurm", "job 17 step 0", "", "",
     "slurmstepd.scope", "17"},
    {"/system.slice/slurmstepd.scope/job_17/step_extern/user/task_special", JOB, "slurm",
     "job 17 step extern", "", "", "slurmstepd.scope", "17"},
    {"/system.slice/slurmstepd.scope/system", UNIT, "systemd", "slurmstepd", "", "", "slurmstepd.scope", ""},
    {"/system.slice/node1_slurmstepd.scope/job_9/step_batch", JOB, "slurm", "job 9 step batch", "", "",
     "node1_slurmstepd.scope", "9"},
    {"/slurm/uid_1000/job_17/step_batch", JOB, "slurm", "job 17 step batch", "", "", "", "17"},
    {"/slurm_node1/uid_1000/job_4242", JOB, "slurm", "job 4242", "", "", "", "4242"},
    {"/slurm/uid_1000", CGROUP, "", "uid_1000", "", "", "", ""},
    {"/slurm/uid_1000/job_x", CGROUP, "", "job_x", "", "", "", ""},
    {"/slurm/step_0", CGROUP, "", "step_0", "", "", "", ""},
    {"/system.slice/slurmd.service", UNIT, "systemd", "slurmd", "", "", "slurmd.service", ""},
    /* systemd: units, users, sessions, applications. */
    {"/init.scope", UNIT, "systemd", "init", "", "", "init.scope", ""},
    {"/system.slice", UNIT, "systemd", "system", "", "", "system.slice", ""},
    {"/system.slice/nginx.service", UNIT, "systemd", "nginx", "", "", "nginx.service", ""},
    {"/system.slice/nginx.service/workers", UNIT, "systemd", "nginx", "", "", "nginx.service", ""},
    {"/system.slice/system-getty.slice/getty@tty1.service", UNIT, "systemd", "getty@tty1", "", "",
     "getty@tty1.service", ""},
    {"/system.slice/system-systemd\\x2dcryptsetup.slice", UNIT, "systemd", "system-systemd-cryptsetup", "",
     "", "system-systemd\\x2dcryptsetup.slice", ""},
    {"/system.slice/dev-hugepages.mount", UNIT, "systemd", "dev-hugepages", "", "", "dev-hugepages.mount",
     ""},
    {"/system.slice/dbus.socket", UNIT, "systemd", "dbus", "", "", "dbus.socket", ""},
    {"/system.slice/run-u123.service", UNIT, "systemd", "run-u123", "", "", "run-u123.service", ""},
    {"/system.slice/bad\\x0aname.service", UNIT, "systemd", "bad?name", "", "", "bad\\x0aname.service", ""},
    {"/system.slice/.service", UNIT, "systemd", "system", "", "", "system.slice", ""},
    {"/user.slice/user-1000.slice", UNIT, "systemd", "user-1000", "", "", "user-1000.slice", ""},
    {"/user.slice/user-1000.slice/session-3.scope", SESSION, "systemd", "session 3 of user 1000", "", "",
     "session-3.scope", ""},
    {"/user.slice/user-0.slice/session-c2.scope", SESSION, "systemd", "session c2 of user 0", "", "",
     "session-c2.scope", ""},
    {"/session-3.scope", UNIT, "systemd", "session-3", "", "", "session-3.scope", ""},
    {"/user.slice/user-1000.slice/user@1000.service", UNIT, "systemd", "user@1000", "", "",
     "user@1000.service", ""},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-1234.scope", UNIT, "systemd",
     "firefox", "", "", "app-gnome-firefox-1234.scope", ""},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-org.gnome.Terminal-1234.scope", UNIT,
     "systemd", "org.gnome.Terminal", "", "", "app-gnome-org.gnome.Terminal-1234.scope", ""},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.kde.konsole-77.scope", UNIT, "systemd",
     "org.kde.konsole", "", "", "app-org.kde.konsole-77.scope", ""},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-google\\x2dchrome-5.scope", UNIT,
     "systemd", "google-chrome", "", "", "app-gnome-google\\x2dchrome-5.scope", ""},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox@autostart.service", UNIT, "systemd",
     "firefox", "", "", "app-firefox@autostart.service", ""},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/pipewire.service", UNIT, "systemd", "pipewire",
     "", "", "pipewire.service", ""},
    {"/user.slice/user-1000.slice/user@1000.service/init.scope", UNIT, "systemd", "init", "", "",
     "init.scope", ""},
};

static void test_rows(void **state) {
    (void)state;
    assert_true(JB_COUNT(rows) >= 60);
    for (size_t i = 0; i < JB_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct jb_workload_name name;
        memset(&name, 0xff, sizeof name);
        jb_workload_name_parse(row->path, &name);
        if (name.kind != row->kind || strcmp(name.name, row->name) != 0)
            print_error("%s: kind %d, '%s'\n", row->path, (int)name.kind, name.name);
        assert_int_equal(name.kind, row->kind);
        assert_string_equal(name.engine, row->engine);
        assert_string_equal(name.name, row->name);
        assert_string_equal(name.container, row->container);
        assert_string_equal(name.pod, row->pod);
        assert_string_equal(name.unit, row->unit);
        assert_string_equal(name.job, row->job);
    }
}

/* Components past what a directory may be named, and paths of 64 kB, end in something bounded. */
static void test_long(void **state) {
    (void)state;
    static char path[65536];
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    struct jb_workload_name name;
    jb_workload_name_parse(path, &name);
    assert_int_equal(name.kind, JB_WORKLOAD_CGROUP);
    assert_int_equal(strlen(name.name), sizeof name.name - 1);
    for (size_t i = 0; i + 1 < sizeof path; i += 2)
        path[i] = '/';
    jb_workload_name_parse(path, &name);
    assert_string_equal(name.name, "a");
    snprintf(path, sizeof path, "/system.slice/%.240s.service", "b");
    memset(path + strlen("/system.slice/"), 'b', 240);
    strcpy(path + strlen("/system.slice/") + 240, ".service");
    jb_workload_name_parse(path, &name);
    assert_int_equal(name.kind, JB_WORKLOAD_UNIT);
    assert_int_equal(strlen(name.unit), 248);
    assert_int_equal(strlen(name.name), sizeof name.name - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
