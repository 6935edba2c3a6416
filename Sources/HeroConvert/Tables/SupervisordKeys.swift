/// The keys of supervisord.
enum SupervisordKeys {
    static let tables = [program, supervisord, group, fastCGI, listener, other]

    static let program = KeyTable(
        "[program:x]",
        [
            KeyRule("command", "web --port 80", .exact, "`exec`; a `sh -c` command becomes `script`"),
            KeyRule("process_name", "%(program_name)s_%(process_num)02d", .sameMeaning, "part of the name of the copy"),
            KeyRule("numprocs", "2", .copies, "written as one service for each copy"),
            KeyRule("numprocs_start", "1", .sameMeaning, "the first number of the copies"),
            KeyRule(
                "priority",
                "10",
                .orderOnly,
                "`after` the services with the next lower priority; `after` also waits until they are ready"
            ),
            KeyRule("autostart", "false", .manualStart, "`status: stop`; set `status: start` to run it"),
            KeyRule("autorestart", "unexpected", .sameMeaning, "`restart: on_failure`"),
            KeyRule("startsecs", "5", .sameMeaning, "`ready: {alive_for: ...}` and `retry.stable_after`"),
            KeyRule(
                "startretries",
                "5",
                .retryLimit,
                "`retry.max_attempts` counts starts, one more than the restarts that supervisord counts"
            ),
            KeyRule("exitcodes", "0,2", .sameMeaning, "`success_exit_codes`"),
            KeyRule("stopsignal", "QUIT", .exact, "`stop.signal`"),
            KeyRule("stopwaitsecs", "60", .exact, "`stop.timeout`"),
            KeyRule("stopasgroup", "true", .sameMeaning, "`stop: {to: tree}`: every process receives the signal"),
            KeyRule("killasgroup", "true", .alreadySo, "heroproc always kills the whole process tree"),
            KeyRule(
                "user",
                "www-data",
                .sameMeaning,
                "`user`; HOME and USER are those of the user, and `no_new_privs` is set: `sudo` and `ping` do not work"
            ),
            KeyRule("directory", "/srv", .exact, "`cwd`"),
            KeyRule("umask", "027", .exact, "`umask`"),
            KeyRule("environment", "A=\"1\"", .exact, "`env`"),
            KeyRule("redirect_stderr", "true", .alreadySo, "both outputs are in the log of the job"),
            KeyRule("stdout_logfile", "/var/log/web.log", .sameMeaning, "`log.link`: a link to the log of the job"),
            KeyRule("stdout_logfile_maxbytes", "10MB", .exact, "`log.max_size`"),
            KeyRule("stdout_logfile_backups", "3", .exact, "`log.keep`"),
            KeyRule("stdout_capture_maxbytes", "1MB", .noCounterpart, "not written: there is no capture mode"),
            KeyRule("stdout_events_enabled", "true", .noCounterpart, "not written: output makes no events"),
            KeyRule("stdout_syslog", "true", .logLocation, "not written: the output is stored, not sent to syslog"),
            KeyRule(
                "stderr_logfile",
                "/var/log/web.err",
                .logLocation,
                "not written: both outputs are in one log, with the name of the stream in each line"
            ),
            KeyRule("stderr_logfile_maxbytes", "10MB", .outputCombined, "both outputs share `log.max_size`"),
            KeyRule("stderr_logfile_backups", "3", .outputCombined, "both outputs share `log.keep`"),
            KeyRule("stderr_capture_maxbytes", "1MB", .noCounterpart, "not written: there is no capture mode"),
            KeyRule("stderr_events_enabled", "true", .noCounterpart, "not written: output makes no events"),
            KeyRule("stderr_syslog", "true", .logLocation, "not written: the output is stored, not sent to syslog"),
            KeyRule("serverurl", "AUTO", .noCounterpart, "not written: programs cannot control heroproc"),
            KeyRule("dependent_startup", "true", .alreadySo, "every service starts when its requirements are up"),
            KeyRule("dependent_startup_wait_for", "db:running", .requiresCascade, "`requires`"),
            KeyRule("dependent_startup_inherit_priority", "true", .alreadySo, "`requires` gives the order"),
        ]
    )

    static let supervisord = KeyTable(
        "[supervisord]",
        [
            KeyRule("environment", "A=\"1\"", .exact, "`defaults.env` in `kind: Settings`"),
            KeyRule("nodaemon", "true", .alreadySo, "`heroproc reconcile --watch` stays in the foreground"),
            KeyRule("silent", "true", .alreadySo, "the output of programs is not mixed into that of heroproc"),
            KeyRule("logfile", "/dev/null", .logLocation, "not written: heroproc's own log goes to stderr"),
            KeyRule("logfile_maxbytes", "0", .logLocation, "not written: heroproc's own log goes to stderr"),
            KeyRule("logfile_backups", "0", .logLocation, "not written: heroproc's own log goes to stderr"),
            KeyRule("loglevel", "info", .alreadySo, "events have levels: `heroproc events`"),
            KeyRule("pidfile", "/run/supervisord.pid", .alreadySo, "heroproc locks its state directory"),
            KeyRule("umask", "022", .sameMeaning, "`defaults.umask`"),
            KeyRule("user", "root", .noCounterpart, "not written: start heroproc as this user"),
            KeyRule("directory", "/srv", .sameMeaning, "`defaults.cwd`"),
            KeyRule("childlogdir", "/var/log", .logLocation, "not written: read the output with `heroproc logs`"),
            KeyRule("nocleanup", "true", .alreadySo, "logs are kept until a cleanup of jobs"),
            KeyRule("minfds", "65536", .sameMeaning, "`defaults.limits.nofile`"),
            KeyRule("minprocs", "200", .noCounterpart, "not written: use `limits.nproc` where a program needs it"),
            KeyRule("strip_ansi", "true", .noCounterpart, "not written: output is stored as it is"),
            KeyRule("identifier", "main", .noCounterpart, "not written: heroproc has no name"),
        ]
    )

    static let group = KeyTable(
        "[group:x]",
        [
            KeyRule("programs", "web", .sameMeaning, "`tags` of the services"),
            KeyRule("priority", "10", .orderOnly, "the priority of the programs counts, not that of the group"),
        ]
    )

    static let fastCGI = KeyTable(
        "[fcgi-program:x]",
        [
            KeyRule(
                "socket",
                "unix:///run/app.sock",
                .socketActivation,
                "the program receives this socket as its standard input; let it bind the socket itself"
            ),
            KeyRule("socket_owner", "www-data", .noCounterpart, "not written: the program makes the socket"),
            KeyRule("socket_mode", "0770", .noCounterpart, "not written: the program makes the socket"),
            KeyRule("socket_backlog", "128", .noCounterpart, "not written: the program makes the socket"),
        ]
    )

    static let listener = KeyTable(
        "[eventlistener:x]",
        [
            KeyRule(
                "command",
                "listener",
                .eventListener,
                "not written: use `heroproc events -o json` in place of a listener"
            )
        ]
    )

    static let other = KeyTable(
        "other sections",
        [
            KeyRule("[unix_http_server]", "", .alreadySo, "the `heroproc` command needs no server"),
            KeyRule("[inet_http_server]", "", .noCounterpart, "not written: there is no server on a port"),
            KeyRule("[supervisorctl]", "", .alreadySo, "the `heroproc` command needs no server"),
            KeyRule("[rpcinterface:x]", "", .alreadySo, "the `heroproc` command needs no server"),
            KeyRule("[include] files", "conf.d/*.conf", .notRead, "not read: give these files in the same command"),
        ]
    )
}
