/// The keys of process-compose.
enum ProcessComposeKeys {
    static let tables = [top, process, availability, probe, shutdown]

    static let top = KeyTable(
        "top level",
        [
            KeyRule("version", "\"0.5\"", .alreadySo, "a manifest has no version"),
            KeyRule("name", "shop", .alreadySo, "a manifest set has no name"),
            KeyRule("environment", "[A=b]", .exact, "`defaults.env` in `kind: Settings`"),
            KeyRule("shell", "{shell_command: bash}", .sameMeaning, "`interpreter` of every script"),
            KeyRule("log_location", "./pc.log", .logLocation, "not written: read the output with `heroproc logs`"),
            KeyRule("log_level", "info", .alreadySo, "events have levels: `heroproc events`"),
            KeyRule("log_length", "1000", .alreadySo, "logs are files: `heroproc logs`"),
            KeyRule("log_configuration", "{}", .logLocation, "not written: the format of logs is fixed"),
            KeyRule("is_strict", "true", .alreadySo, "unknown keys are always errors"),
            KeyRule("ordered_shutdown", "true", .alreadySo, "dependents always stop first"),
            KeyRule("is_tui_disabled", "true", .alreadySo, "there is no terminal interface"),
            KeyRule("disable_env_expansion", "true", .sameMeaning, "`$` stays text"),
            KeyRule("env_cmds", "{A: date}", .noCounterpart, "not written: a value cannot be the output of a command"),
            KeyRule("vars", "{A: b}", .noCounterpart, "not written: write the values of templates by hand"),
            KeyRule("extends", "base.yaml", .notRead, "not read: give the other file first in the same command"),
        ]
    )

    static let process = KeyTable(
        "processes.NAME",
        [
            KeyRule("command", "web --port 80", .exact, "`exec`; a command that needs a shell becomes `script`"),
            KeyRule("entrypoint", "[web]", .exact, "`exec`"),
            KeyRule("description", "Web", .exact, "`description`"),
            KeyRule("working_dir", "/srv", .exact, "`cwd`"),
            KeyRule("environment", "[A=b]", .exact, "`env`"),
            KeyRule("env_file", "web.env", .sameMeaning, "`env_file`"),
            KeyRule(
                "depends_on",
                "{db: {condition: process_healthy}}",
                .sameMeaning,
                "`requires` with `cascade: false`"
            ),
            KeyRule("availability", "{restart: always}", .exact, "`restart` and `retry`"),
            KeyRule("readiness_probe", "{exec: {command: true}}", .checkTimes, "`ready` and `start_timeout`"),
            KeyRule("liveness_probe", "{exec: {command: true}}", .exact, "`health`"),
            KeyRule("ready_log_line", "ready", .sameMeaning, "`ready: {log: ...}`"),
            KeyRule("shutdown", "{signal: 2}", .exact, "`stop`"),
            KeyRule("disabled", "true", .manualStart, "`status: stop`; set `status: start` to run it"),
            KeyRule("is_foreground", "true", .noCounterpart, "not written: a service has no terminal"),
            KeyRule("is_tty", "true", .noCounterpart, "not written: a service has no terminal"),
            KeyRule("is_interactive", "true", .noCounterpart, "not written: a service has no terminal"),
            KeyRule("is_elevated", "true", .noCounterpart, "not written: run heroproc as root and write `user`"),
            KeyRule("is_daemon", "true", .backgroundProgram, "run it in the foreground, or declare its `pid_file`"),
            KeyRule("launch_timeout_seconds", "5", .noCounterpart, "not written: only a daemon needs it"),
            KeyRule("namespace", "backend", .sameMeaning, "`tags`; a context would change the references"),
            KeyRule("replicas", "2", .copies, "written as one service for each copy"),
            KeyRule("log_location", "./web.log", .logLocation, "not written: read the output with `heroproc logs`"),
            KeyRule("log_configuration", "{}", .logLocation, "not written: the format of logs is fixed"),
            KeyRule("disable_ansi_colors", "true", .alreadySo, "output is stored as it is"),
            KeyRule("vars", "{A: b}", .noCounterpart, "not written: write the values of templates by hand"),
            KeyRule("success_exit_codes", "[0, 3]", .exact, "`success_exit_codes`"),
            KeyRule("schedule", "{cron: \"0 2 * * *\"}", .sameMeaning, "`kind: Action` with `schedule`"),
            KeyRule("is_dotenv_disabled", "true", .sameMeaning, "no `env_file` with `.env`"),
        ]
    )

    static let availability = KeyTable(
        "availability",
        [
            KeyRule("restart", "on_failure", .exact, "`restart`; `exit_on_failure` is lost"),
            KeyRule("backoff_seconds", "2", .exact, "`retry.delay` with `factor: 1`"),
            KeyRule("max_restarts", "5", .retryLimit, "`retry.max_attempts` counts starts, one more than restarts"),
            KeyRule("exit_on_end", "true", .exact, "`essential: true`"),
            KeyRule("exit_on_skipped", "true", .endTogether, "not written: a blocked service ends no other"),
        ]
    )

    static let probe = KeyTable(
        "readiness_probe and liveness_probe",
        [
            KeyRule("exec", "{command: true}", .exact, "`exec`"),
            KeyRule("http_get", "{host: 127.0.0.1, port: 80, path: /}", .exact, "`http`"),
            KeyRule("initial_delay_seconds", "5", .exact, "`start_period` of `health`; part of `start_timeout`"),
            KeyRule("period_seconds", "5", .exact, "`interval` of `health`; part of `start_timeout`"),
            KeyRule("timeout_seconds", "3", .exact, "`timeout`"),
            KeyRule("success_threshold", "2", .exact, "`successes`"),
            KeyRule("failure_threshold", "5", .exact, "`failures` of `health`; part of `start_timeout`"),
        ]
    )

    static let shutdown = KeyTable(
        "shutdown",
        [
            KeyRule("command", "web stop", .exact, "`stop.exec`"),
            KeyRule("signal", "2", .exact, "`stop.signal`"),
            KeyRule("timeout_seconds", "30", .exact, "`stop.timeout`"),
            KeyRule("parent_only", "true", .alreadySo, "the main process receives the signal first"),
        ]
    )
}
