/// Keys of other tools: systemd, docker compose, supervisord, Kubernetes, process-compose, pm2, zinit, dinit and s6.
///
/// A key of another tool is never compared by its letters, because similar letters can have the opposite meaning:
/// `before` is not `after`, and `pre_start` is not `restart`.
enum ForeignKey {
    /// heroproc has a key with the same meaning, possibly in another map.
    case sameAs(String)
    /// heroproc expresses this in another way; the text says how.
    case explained(String)

    /// Returns what heroproc has in place of a key; nil if the key is not known from another tool.
    ///
    /// `isOuter` is true for a key of a service or an action, and false for a key of a map in it.
    static func find(_ key: String, isOuter: Bool) -> Self? {
        let name = normalized(key)
        if !isOuter, let same = innerSynonyms[name] { return .sameAs(same) }
        if let same = synonyms[name] { return .sameAs(same) }
        return explanations[name].map { .explained($0) }
    }

    /// Returns the help for a key of a service or an action that turns it on or off; nil for all other keys.
    static func statusHelp(_ key: String, value: String) -> String? {
        let isOn: Bool
        switch normalized(key) {
        case "enabled", "enable", "autostart", "autostarted": isOn = true
        case "disabled", "disable", "stopped": isOn = false
        default: return nil
        }
        switch value.lowercased() {
        case "true", "yes", "on", "1": return "write `status: \(isOn ? "start" : "stop")` in the service"
        case "false", "no", "off", "0": return "write `status: \(isOn ? "stop" : "start")` in the service"
        default: return "write `status: start` or `status: stop` in the service"
        }
    }

    /// The key in lower case without `_` and `-`, so that `WorkingDirectory` and `working_directory` are equal.
    private static func normalized(_ key: String) -> String {
        String(
            decoding: key.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") },
            as: UTF8.self
        )
    }

    /// The keys of a map in an action with the same meaning; in an action these names mean something else.
    static let innerSynonyms: [String: String] = ["test": "exec", "condition": "until"]

    /// The keys of heroproc with the same meaning; a key in an inner map is written with its path.
    static let synonyms: [String: String] = [
        "dependson": "requires", "dependencies": "requires", "bindsto": "requires", "requisite": "requires",
        "command": "exec", "cmd": "exec", "args": "exec", "run": "exec", "entrypoint": "exec", "execstart": "exec",
        "program": "exec", "environment": "env", "environ": "env", "environmentfile": "env_file",
        "envfiles": "env_file", "workingdir": "cwd", "workdir": "cwd", "workingdirectory": "cwd", "chdir": "cwd",
        "directory": "cwd", "dir": "cwd", "ports": "tcp_ports", "port": "tcp_ports", "listen": "tcp_ports",
        "readiness": "ready", "readinessprobe": "ready", "healthcheck": "health", "liveness": "health",
        "livenessprobe": "health", "shell": "interpreter", "restartpolicy": "restart", "autorestart": "restart",
        "namespace": "context", "desc": "description", "annotations": "labels", "title": "name",
        "containername": "name", "processname": "name", "servicename": "name", "logging": "log", "retries": "retry",
        "unixsockets": "sockets", "socket": "unix", "url": "http", "httpget": "http", "tcpsocket": "tcp",
        "signalname": "signal", "runonce": "once", "maxtries": "max_attempts", "startretries": "retry.max_attempts",
        "startlimitburst": "retry.max_attempts", "restartsec": "retry.delay", "startsecs": "ready.alive_for",
        "minuptime": "ready.alive_for", "maxrestarts": "retry.max_attempts", "maxrestart": "retry.max_attempts",
        "restartlimitcount": "retry.max_attempts", "backoffseconds": "retry.delay", "shutdown": "stop",
        "exprestartbackoff": "retry", "exponentialbackoff": "retry", "waitsfor": "wants", "dependsms": "requires",
        "runas": "user", "termsignal": "stop.signal", "shutdowntimeout": "stop.timeout",
        "ioschedulingclass": "io_priority", "ioschedulingpriority": "io_priority", "ionice": "io_priority",
        "restartdelay": "retry.delay", "backoff": "retry",
        "ulimits": "limits", "tz": "timezone", "pidfile": "pid_file", "cpus": "cpu", "mem": "memory",
        "memlimit": "limits.memory", "memorymax": "limits.memory", "memorylimit": "limits.memory",
        "tasksmax": "limits.pids", "pidslimit": "limits.pids", "limitnofile": "limits.nofile",
        "limitnproc": "limits.nproc", "limitcore": "limits.core", "limitmemlock": "limits.memlock",
        "limitfsize": "limits.fsize", "limitstack": "limits.stack", "limitas": "limits.address_space",
        "cpuquota": "limits.cpu", "oomscoreadjust": "oom_score_adj",
        "nonewprivileges": "no_new_privs", "ambientcapabilities": "capabilities",
        "capabilityboundingset": "capabilities", "readwritepaths": "sandbox.writable",
        "privatetmp": "sandbox.private_tmp", "inaccessiblepaths": "sandbox.hide",
        "privatenetwork": "sandbox.no_network", "capadd": "capabilities", "shared": "reuseport", "share": "reuseport",
        "variables": "vars",
        "intervaltime": "interval", "periodseconds": "interval", "initialdelayseconds": "start_period",
        "failurethreshold": "failures", "successthreshold": "successes", "timeoutseconds": "timeout",
        "startperiod": "start_period", "protected": "protect", "crontab": "cron", "oncalendar": "schedule.cron",
        "persistent": "schedule.catch_up",
        "randomizeddelaysec": "schedule.jitter", "fixedrandomdelay": "schedule.jitter",
        "stopsignal": "stop.signal", "killsignal": "stop.signal", "stopwaitsecs": "stop.timeout",
        "stopgraceperiod": "stop.timeout", "timeoutstopsec": "stop.timeout", "stoptimeout": "stop.timeout",
        "killtimeout": "stop.timeout", "terminationgraceperiodseconds": "stop.timeout",
        "timeoutstartsec": "start_timeout", "starttimeoutsec": "start_timeout", "watchdogsec": "health.watchdog",
        "notificationfd": "ready.fd", "readynotification": "ready.fd",
        "maxmemoryrestart": "health.memory_below",
        "exitcodes": "success_exit_codes", "successexitstatus": "success_exit_codes",
        "notifyaccess": "ready.notify", "logmaxsize": "log.max_size", "stdoutlogfilemaxbytes": "log.max_size",
        "stdoutlogfilebackups": "log.keep", "stdoutlogfile": "log.link", "stderrlogfile": "log.link",
        "loglocation": "log.link", "logfile": "log.link", "outfile": "log.link", "errorfile": "log.link",
        "runtimedirectory": "folders", "statedirectory": "folders", "cachedirectory": "folders",
        "logsdirectory": "folders", "configurationdirectory": "folders",
        "exitonend": "essential", "exitonfailure": "essential",
        "prestop": "stop.exec", "execstop": "stop.exec", "stopcommand": "stop.exec",
        "startlimitinterval": "retry.within", "startlimitintervalsec": "retry.within",
        "restartlimitinterval": "retry.within",
    ]

    private static let stepBefore =
        "list a one-shot before the program in `actions`: they start in order, each when the one before is up"
    private static let stepAfterStop =
        "list a one-shot with `when: stopped` in `actions`: it runs when the rest of the service was stopped"
    private static let noImage = "heroproc runs programs of this machine, no images: write the program in `exec`"
    private static let oneCopy = "declare one service for each copy"
    private static let ownLog =
        "remove it: `heroproc logs` shows the output, which is in files below the state directory"
    private static let availability = "write `restart: on_failure` and `retry: {max_attempts: 3, delay: 1s}`"
    private static let unitSection = "write its keys directly in the document of `kind: Service`"
    private static let otherSide = "write this service in `requires` of the service that needs it"

    /// The explanations for keys without a counterpart.
    private static let explanations: [String: String] = [
        "before": "write this service in `after` of each service that must start later",
        "wantedby": "write this service in `wants` of the service that wants it",
        "requiredby": otherSide, "dependents": otherSide, "partof": otherSide,
        "prestart": stepBefore, "execstartpre": stepBefore, "initcontainers": stepBefore,
        "poststart": "list a one-shot after the program in `actions`: it starts when the program is up",
        "execstartpost": "list a one-shot after the program in `actions`: it starts when the program is up",
        "poststop": stepAfterStop, "execstoppost": stepAfterStop, "finish": stepAfterStop,
        "reload": "edit the manifest and run `heroproc apply`: a change that needs a restart restarts the service",
        "execreload": "edit the manifest and run `heroproc apply`: a change that needs a restart restarts the service",
        "image": noImage, "build": noImage, "pullpolicy": noImage, "platform": noImage,
        "volumes": noImage, "networks": noImage, "networkmode": noImage, "deploy": noImage,
        "replicas": oneCopy, "numprocs": oneCopy, "scale": oneCopy, "instances": oneCopy,
        "logtype": ownLog, "availability": availability,
        "test": "write it as `ready: {exec: [..]}`: services that require this one wait until it succeeds",
        "watch": "remove it: heroproc restarts a program when its manifest changes; raise `generation` for a restart",
        "cronrestart": "declare a one-shot in `kind: Action` with `schedule`",
        "execmode": oneCopy, "processes": "write one document of `kind: Service` for each process",
        "unit": unitSection, "service": unitSection, "install": unitSection,
        "isdaemon": "remove it, and keep the program in the foreground, or name its `pid_file`",
        "istty": "remove it: a service has no terminal",
        "smoothrecovery": "remove it: a restart after a crash stops no other service",
        "protectsystem": "write `sandbox: {read_only: true}`, which is `ProtectSystem=strict`",
        "protecthome": "write `sandbox: {hide: [/home, /root]}`",
        "capdrop": "list the capabilities to keep in `capabilities`: a program has no others",
        "privileged": noImage, "hostname": noImage, "dns": noImage, "extrahosts": noImage, "init": noImage,
        "stoporder": "remove it: actions stop in the reverse order of their start",
        "priority": "order services with `after` or `requires`",
        "onfailure": "`retry` says how often a program is started again; `heroproc events` reports failures",
        "killmode": "remove it: a stop always ends the whole process tree",
        "stopasgroup": "remove it: a stop always ends the whole process tree",
        "killasgroup": "remove it: a stop always ends the whole process tree",
        "tty": "remove it: a service has no terminal", "stdinopen": "remove it: a service has no terminal",
        "stdoutlogfile": "remove it: `heroproc logs` shows the output; `log` limits its size",
        "stderrlogfile": "remove it: `heroproc logs` shows the output; `log` limits its size",
        "standardoutput": "remove it: `heroproc logs` shows the output; `log` limits its size",
        "standarderror": "remove it: `heroproc logs` shows the output; `log` limits its size",
        "redirectstderr": "remove it: the log has the lines of stdout and stderr in their order",
        "expose": "list the ports that the program binds in `tcp_ports`",
        "listenstream": "heroproc opens no sockets for a service: list what it binds in `tcp_ports` or `sockets`",
        "remainafterexit":
            "remove it: a one-shot that has succeeded counts as up; `once: true` keeps it from running again",
        "oneshot": "remove it: an action without `is_process: true` is a one-shot",
        "daemon": "remove it, and keep the program in the foreground",
        "type": "write `is_process: true` in an action that runs for ever; without it, an action is a one-shot",
        "minattempts": "`max_attempts` is the highest number of attempts; there is no lowest one",
        "mindelay": "`delay` is the first and shortest delay",
        "startdelay": "a probe in `ready` says when a dependency is up; `requires` waits for that",
        "unlessstopped": "write `restart: always`; `status: stop` keeps a service down",
        "profiles": "write `status: spec` in a service that is only a definition",
        "extends": "write all keys in full, or use `vars` and `defaults` of `kind: Settings`",
        "secrets": "write `env: {TOKEN: {from_file: /run/secrets/token}}`",
    ]
}
