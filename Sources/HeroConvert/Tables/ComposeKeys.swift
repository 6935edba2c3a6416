/// The keys of docker compose.
enum ComposeKeys {
    static let tables = [top, service, health, deploy]

    static let top = KeyTable(
        "top level",
        [
            KeyRule("version", "\"3\"", .alreadySo, "a manifest has no version"),
            KeyRule("name", "shop", .alreadySo, "a manifest set has no name"),
            KeyRule("networks", "{a: {}}", .container, "not written: all programs share the network of the machine"),
            KeyRule("volumes", "{a: {}}", .container, "not written: make the directories by hand"),
            KeyRule("configs", "{a: {file: a}}", .container, "not written: let the program read the file itself"),
            KeyRule("secrets", "{a: {file: a}}", .credentials, "not written: use `env: {NAME: {from_file: path}}`"),
            KeyRule("include", "[other.yaml]", .notRead, "not read: give the other file in the same command"),
        ]
    )

    static let service = KeyTable(
        "services.NAME",
        [
            KeyRule("image", "web:1", .imageUnknown, "not written: install the program; the image may set more"),
            KeyRule("build", ".", .imageUnknown, "not written: build and install the program"),
            KeyRule("command", "[web, --port, \"80\"]", .exact, "`exec`, after `entrypoint`"),
            KeyRule("entrypoint", "[web]", .exact, "`exec`"),
            KeyRule("environment", "{A: b}", .exact, "`env`"),
            KeyRule("env_file", "web.env", .exact, "`env_file`"),
            KeyRule("working_dir", "/app", .valueAdapted, "`cwd`: a path of the container; check that it exists here"),
            KeyRule("user", "\"1000:1000\"", .sameMeaning, "`user` and `group`"),
            KeyRule("restart", "always", .exact, "`restart`"),
            KeyRule("depends_on", "[db]", .sameMeaning, "`requires` with `cascade: false`"),
            KeyRule(
                "healthcheck",
                "{test: [CMD, true]}",
                .checkTimes,
                "`ready` and `start_timeout`; it restarts nothing"
            ),
            KeyRule(
                "ports",
                "[\"8080:80\"]",
                .valueAdapted,
                "`tcp_ports` with the port of the container, without mapping"
            ),
            KeyRule("expose", "[\"80\"]", .alreadySo, "every port of a program can be reached on the machine"),
            KeyRule("volumes", "[a:/data]", .container, "not written: the program sees the files of the machine"),
            KeyRule("tmpfs", "/tmp", .container, "not written: the program sees the files of the machine"),
            KeyRule("networks", "[a]", .container, "not written: all programs share the network of the machine"),
            KeyRule("network_mode", "host", .alreadySo, "all programs share the network of the machine"),
            KeyRule("hostname", "web", .container, "not written: the host has one name"),
            KeyRule("container_name", "web", .alreadySo, "a service has one name"),
            KeyRule("links", "[db]", .container, "not written: services are on 127.0.0.1"),
            KeyRule("extra_hosts", "[a:127.0.0.1]", .container, "not written: add it to /etc/hosts"),
            KeyRule("dns", "1.1.1.1", .container, "not written: the machine has one resolver"),
            KeyRule("stop_signal", "SIGINT", .exact, "`stop.signal`"),
            KeyRule("stop_grace_period", "30s", .exact, "`stop.timeout`"),
            KeyRule("init", "true", .alreadySo, "every program has a parent that collects its processes"),
            KeyRule("scale", "2", .copies, "written as one service for each copy"),
            KeyRule("profiles", "[debug]", .manualStart, "`status: ${PROFILE_...:-stop}`; set the variable to `start`"),
            KeyRule("logging", "{driver: json-file}", .alreadySo, "the output is in the log of the job"),
            KeyRule("ulimits", "{nofile: 1024}", .exact, "`limits`"),
            KeyRule("mem_limit", "512m", .exact, "`limits.memory`"),
            KeyRule("cpus", "\"0.5\"", .exact, "`limits.cpu`"),
            KeyRule("pids_limit", "100", .exact, "`limits.pids`"),
            KeyRule("oom_score_adj", "-500", .exact, "`oom_score_adj`"),
            KeyRule("labels", "{a: b}", .container, "not written: they are read by tools for containers"),
            KeyRule("annotations", "{a: b}", .container, "not written: they are read by tools for containers"),
            KeyRule("tty", "true", .noCounterpart, "not written: a program has no terminal"),
            KeyRule("stdin_open", "true", .noCounterpart, "not written: the standard input is /dev/null"),
            KeyRule("cap_add", "[NET_ADMIN]", .sandbox, "not written: run it as root if it needs the rights"),
            KeyRule("cap_drop", "[ALL]", .sandbox, "not written: the program runs without this restriction"),
            KeyRule("security_opt", "[\"no-new-privileges:true\"]", .sandbox, "not written: see `no_new_privs`"),
            KeyRule("read_only", "true", .sandbox, "not written: the program runs without this restriction"),
            KeyRule("privileged", "true", .alreadySo, "the program runs on the machine itself"),
            KeyRule("devices", "[/dev/fuse]", .alreadySo, "the program sees the devices of the machine"),
            KeyRule("secrets", "[a]", .credentials, "not written: use `env: {NAME: {from_file: path}}`"),
            KeyRule("configs", "[a]", .container, "not written: let the program read the file itself"),
            KeyRule("deploy", "{replicas: 1}", .exact, "`limits` and copies"),
            KeyRule("extends", "{service: db}", .sameMeaning, "the keys of the other service are written here"),
        ]
            + [
                "platform", "pull_policy", "shm_size", "sysctls", "group_add", "ipc", "pid", "userns_mode", "runtime",
                "cgroup_parent", "dns_search", "mac_address", "isolation", "storage_opt", "volumes_from",
                "external_links",
                "mem_reservation", "memswap_limit", "mem_swappiness", "cpu_shares", "cpuset", "gpus", "domainname",
                "uts",
                "blkio_config", "device_cgroup_rules", "credential_spec", "oom_kill_disable", "cgroup", "cpu_quota",
                "cpu_period", "develop", "attach", "post_start", "pre_stop", "provider", "models", "use_api_socket",
            ].map { KeyRule($0, "a", .container, "not written: a property of containers") }
    )

    static let health = KeyTable(
        "healthcheck",
        [
            KeyRule("test", "[CMD, true]", .exact, "`ready.exec`"),
            KeyRule("interval", "5s", .checkTimes, "part of `start_timeout`; heroproc asks every 250ms"),
            KeyRule("timeout", "3s", .exact, "`ready.timeout`"),
            KeyRule("retries", "5", .checkTimes, "part of `start_timeout`"),
            KeyRule("start_period", "10s", .checkTimes, "part of `start_timeout`"),
            KeyRule("start_interval", "1s", .checkTimes, "not written: heroproc asks every 250ms"),
            KeyRule("disable", "true", .exact, "no `ready`"),
        ]
    )

    static let deploy = KeyTable(
        "deploy",
        [
            KeyRule("replicas", "2", .copies, "written as one service for each copy"),
            KeyRule("resources", "{limits: {memory: 1G}}", .exact, "`limits`; reservations are lost"),
            KeyRule("restart_policy", "{condition: any}", .noCounterpart, "not written: write `restart` by hand"),
            KeyRule("update_config", "{}", .noCounterpart, "not written: a change restarts the service"),
            KeyRule("rollback_config", "{}", .noCounterpart, "not written: see `apply --revision`"),
            KeyRule("placement", "{}", .container, "not written: there is one machine"),
            KeyRule("mode", "replicated", .container, "not written: there is one machine"),
            KeyRule("labels", "{a: b}", .container, "not written: they are read by tools for containers"),
            KeyRule("endpoint_mode", "vip", .container, "not written: there is one machine"),
        ]
    )
}
