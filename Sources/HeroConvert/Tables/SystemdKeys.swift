/// The keys of unit files.
enum SystemdKeys {
    static let tables = [unit, service, install, timer, socket]

    static let unit = KeyTable(
        "[Unit]",
        [
            KeyRule("Description", "Web server", .exact, "`description`"),
            KeyRule("Documentation", "man:web(8)", .sameMeaning, "a comment above the service"),
            KeyRule("After", "db.service", .exact, "`after`, or `requires` and `wants` for the same unit"),
            KeyRule("Before", "db.service", .sameMeaning, "`after` in the other service"),
            KeyRule(
                "Requires",
                "db.service",
                .requiresCascade,
                "`requires`; it waits for the other one even without `After=`"
            ),
            KeyRule("Requisite", "db.service", .requiresCascade, "`requires`; the other service is started, too"),
            KeyRule(
                "Wants",
                "db.service",
                .softDependency,
                "`wants`: every service with `status: start` is started anyway"
            ),
            KeyRule(
                "BindsTo",
                "db.service",
                .requiresCascade,
                "`requires`; a crash of the other one that heals stops nothing"
            ),
            KeyRule("PartOf", "db.service", .valueAdapted, "`requires`; in the source it has no effect on the start"),
            KeyRule("Upholds", "db.service", .softDependency, "`wants`: heroproc keeps every service running anyway"),
            KeyRule("Conflicts", "db.service", .manualStart, "`conflicts`; only one of both can have `status: start`"),
            KeyRule("OnFailure", "mail.service", .noCounterpart, "not written: watch `heroproc events --follow`"),
            KeyRule("OnSuccess", "mail.service", .noCounterpart, "not written: watch `heroproc events --follow`"),
            KeyRule("PropagatesReloadTo", "db.service", .reloadCommand, "not written: nothing is reloaded"),
            KeyRule("ReloadPropagatedFrom", "db.service", .reloadCommand, "not written: nothing is reloaded"),
            KeyRule("JoinsNamespaceOf", "db.service", .sandbox, "not written: there are no shared namespaces"),
            KeyRule("RequiresMountsFor", "/srv", .noCounterpart, "not written: start heroproc after the mount"),
            KeyRule("DefaultDependencies", "no", .alreadySo, "heroproc starts when the machine is up"),
            KeyRule("StartLimitIntervalSec", "60", .sameMeaning, "`retry.max_attempts` and `retry.within`"),
            KeyRule("StartLimitInterval", "60", .sameMeaning, "`retry.max_attempts` and `retry.within`"),
            KeyRule("StartLimitBurst", "3", .sameMeaning, "`retry.max_attempts` and `retry.within`"),
            KeyRule("StartLimitAction", "none", .noCounterpart, "not written: a failed service changes nothing else"),
            KeyRule("JobTimeoutSec", "60", .noCounterpart, "not written: `start_timeout` limits each start"),
            KeyRule("RefuseManualStart", "yes", .alreadySo, "there are no start commands"),
            KeyRule("RefuseManualStop", "yes", .noCounterpart, "not written: use `protect: true`"),
            KeyRule(
                "StopWhenUnneeded",
                "yes",
                .noCounterpart,
                "not written: a service stops when its manifest says so"
            ),
            KeyRule("IgnoreOnIsolate", "yes", .alreadySo, "there is no isolate"),
            KeyRule("SourcePath", "/etc/init.d/web", .alreadySo, "generated units name their source"),
        ]
            + [
                "ConditionPathExists", "ConditionPathIsDirectory", "ConditionDirectoryNotEmpty",
                "ConditionFileNotEmpty",
                "ConditionFileIsExecutable", "ConditionPathExistsGlob", "ConditionUser", "ConditionHost",
                "ConditionVirtualization", "ConditionCapability", "ConditionACPower", "ConditionKernelCommandLine",
                "ConditionKernelVersion", "ConditionArchitecture", "ConditionSecurity", "ConditionFirstBoot",
                "ConditionNeedsUpdate", "ConditionPathIsMountPoint", "ConditionPathIsReadWrite",
                "ConditionPathIsSymbolicLink", "ConditionEnvironment", "AssertPathExists",
            ].map {
                KeyRule($0, "/srv", .noCounterpart, "not written: set `status: stop` on machines where it must not run")
            }
    )

    static let service = KeyTable(
        "[Service]",
        [
            KeyRule("Type", "simple", .exact, "`is_process`, `ready` or `pid_file`"),
            KeyRule(
                "ExecStart",
                "/usr/bin/web --port 80",
                .exact,
                "`exec`; `$NAME` needs a shell and becomes `script`"
            ),
            KeyRule(
                "ExecStartPre",
                "/usr/bin/prepare",
                .valueAdapted,
                "a one-shot before the program; it does not run again when a crashed program restarts"
            ),
            KeyRule(
                "ExecStartPost",
                "/usr/bin/after",
                .valueAdapted,
                "a one-shot after the program; it runs once per run"
            ),
            KeyRule(
                "ExecCondition",
                "/usr/bin/test",
                .noCounterpart,
                "not written: set `status: stop` where it must not run"
            ),
            KeyRule(
                "ExecReload",
                "/usr/bin/web reload",
                .reloadCommand,
                "not written: run it by hand, or raise `generation`"
            ),
            KeyRule("ExecStop", "/usr/bin/web stop", .exact, "`stop.exec`"),
            KeyRule(
                "ExecStopPost",
                "/usr/bin/clean",
                .valueAdapted,
                "a one-shot with `when: stopped`; it does not run after a crash"
            ),
            KeyRule("Restart", "on-failure", .exact, "`restart`"),
            KeyRule("RestartSec", "5", .retryLimit, "`retry.delay` with `factor: 1` and `jitter: 0`"),
            KeyRule("RestartSteps", "5", .retryLimit, "`retry.factor`"),
            KeyRule("RestartMaxDelaySec", "60", .retryLimit, "`retry.max_delay`"),
            KeyRule("RestartPreventExitStatus", "3", .restartAfterExit, "not written: every failure is retried"),
            KeyRule("RestartForceExitStatus", "3", .restartAfterExit, "not written: `restart` alone decides"),
            KeyRule("SuccessExitStatus", "3", .exact, "`success_exit_codes`"),
            KeyRule("RemainAfterExit", "yes", .alreadySo, "a service whose one-shots have succeeded is `exited`"),
            KeyRule("PIDFile", "/run/web.pid", .exact, "`pid_file`"),
            KeyRule("GuessMainPID", "no", .alreadySo, "only `pid_file` names another main process"),
            KeyRule(
                "BusName",
                "org.example.Web",
                .noCounterpart,
                "not written: readiness does not wait for a bus name"
            ),
            KeyRule("NotifyAccess", "all", .sameMeaning, "`notify_from: all`"),
            KeyRule("WatchdogSec", "30", .exact, "`health.watchdog`"),
            KeyRule("TimeoutStartSec", "30", .exact, "`start_timeout`; `timeout` of a one-shot"),
            KeyRule("TimeoutStopSec", "30", .exact, "`stop.timeout`"),
            KeyRule("TimeoutSec", "30", .sameMeaning, "`start_timeout` and `stop.timeout`"),
            KeyRule("TimeoutAbortSec", "30", .noCounterpart, "not written: `stop.timeout` counts"),
            KeyRule("RuntimeMaxSec", "3600", .noCounterpart, "not written: a program may run for ever"),
            KeyRule(
                "KillMode",
                "mixed",
                .exact,
                "the main process first, then the rest; `control-group` is `stop.to: tree`"
            ),
            KeyRule("KillSignal", "SIGINT", .exact, "`stop.signal`"),
            KeyRule("RestartKillSignal", "SIGUSR1", .noCounterpart, "not written: `stop.signal` counts"),
            KeyRule("FinalKillSignal", "SIGABRT", .noCounterpart, "not written: the last signal is KILL"),
            KeyRule("SendSIGKILL", "no", .killsChildren, "heroproc always kills what is left after `stop.timeout`"),
            KeyRule("SendSIGHUP", "yes", .noCounterpart, "not written: only `stop.signal` is sent"),
            KeyRule("Delegate", "yes", .killsChildren, "heroproc ends the whole process tree, also its containers"),
            KeyRule("NonBlocking", "yes", .socketActivation, "the program expects sockets from its supervisor"),
            KeyRule("Sockets", "web.socket", .socketActivation, "the program expects sockets from its supervisor"),
            KeyRule("FileDescriptorStoreMax", "16", .noCounterpart, "not written: no descriptors are kept"),
            KeyRule(
                "User",
                "www-data",
                .sameMeaning,
                "`user`; `no_new_privs` is set: `sudo` and `ping` do not work in it"
            ),
            KeyRule("Group", "www-data", .exact, "`group`"),
            KeyRule("DynamicUser", "yes", .noCounterpart, "not written: create a user and write `user`"),
            KeyRule("SupplementaryGroups", "adm", .noCounterpart, "not written: the groups are those of the user"),
            KeyRule("PAMName", "login", .noCounterpart, "not written: no PAM session is opened"),
            KeyRule("WorkingDirectory", "/srv", .exact, "`cwd`"),
            KeyRule("RootDirectory", "/srv", .sandbox, "not written: the program sees the whole file system"),
            KeyRule("UMask", "0027", .exact, "`umask`"),
            KeyRule("Environment", "A=1", .exact, "`env`"),
            KeyRule(
                "EnvironmentFile",
                "/etc/web.env",
                .sameMeaning,
                "`env_file`; quotes follow the rules of docker compose"
            ),
            KeyRule("PassEnvironment", "LANGUAGE", .variableKept, "`env` with a variable of the manifest"),
            KeyRule("UnsetEnvironment", "A", .alreadySo, "the environment is clean"),
            KeyRule("LimitNOFILE", "65536", .exact, "`limits.nofile`"),
            KeyRule("LimitNPROC", "100", .exact, "`limits.nproc`"),
            KeyRule("LimitCORE", "infinity", .exact, "`limits.core`"),
            KeyRule("LimitMEMLOCK", "infinity", .exact, "`limits.memlock`"),
            KeyRule("LimitFSIZE", "1G", .exact, "`limits.fsize`"),
            KeyRule("LimitSTACK", "8M", .exact, "`limits.stack`"),
            KeyRule("LimitAS", "1G", .exact, "`limits.address_space`"),
            KeyRule("MemoryMax", "1G", .exact, "`limits.memory`"),
            KeyRule("MemoryLimit", "1G", .sameMeaning, "`limits.memory`"),
            KeyRule("TasksMax", "100", .exact, "`limits.pids`"),
            KeyRule("CPUQuota", "50%", .sameMeaning, "`limits.cpu`"),
            KeyRule("OOMScoreAdjust", "-500", .exact, "`oom_score_adj`"),
            KeyRule("Nice", "5", .exact, "`nice`"),
            KeyRule("IOSchedulingClass", "idle", .exact, "`io_priority`"),
            KeyRule("IOSchedulingPriority", "7", .sameMeaning, "`io_priority: best_effort:7`"),
            KeyRule("AmbientCapabilities", "CAP_NET_BIND_SERVICE", .exact, "`capabilities`"),
            KeyRule("NoNewPrivileges", "yes", .exact, "`no_new_privs`"),
            KeyRule("StandardOutput", "journal", .alreadySo, "the output is in the log of the job"),
            KeyRule("StandardError", "inherit", .alreadySo, "the output is in the log of the job"),
            KeyRule("StandardInput", "null", .alreadySo, "the standard input is always /dev/null"),
            KeyRule("SyslogIdentifier", "web", .alreadySo, "a log belongs to its service"),
            KeyRule("SyslogFacility", "daemon", .logLocation, "not written: the output is not sent to syslog"),
            KeyRule("SyslogLevel", "info", .logLocation, "not written: the output is not sent to syslog"),
            KeyRule("TTYPath", "/dev/tty1", .noCounterpart, "not written: a program has no terminal"),
            KeyRule("RuntimeDirectory", "web", .sameMeaning, "`folders`; they are not removed after the stop"),
            KeyRule("RuntimeDirectoryMode", "0750", .noCounterpart, "not written: the directory is not made"),
            KeyRule("RuntimeDirectoryPreserve", "yes", .alreadySo, "heroproc removes no directories"),
            KeyRule("StateDirectory", "web", .sameMeaning, "`folders`; they are not removed after the stop"),
            KeyRule("StateDirectoryMode", "0750", .noCounterpart, "not written: the directory is not made"),
            KeyRule("CacheDirectory", "web", .sameMeaning, "`folders`; they are not removed after the stop"),
            KeyRule("CacheDirectoryMode", "0750", .noCounterpart, "not written: the directory is not made"),
            KeyRule("LogsDirectory", "web", .sameMeaning, "`folders`; they are not removed after the stop"),
            KeyRule("LogsDirectoryMode", "0750", .noCounterpart, "not written: the directory is not made"),
            KeyRule(
                "ConfigurationDirectory",
                "web",
                .noCounterpart,
                "not written: make the directory below /etc by hand"
            ),
            KeyRule(
                "PermissionsStartOnly",
                "yes",
                .noCounterpart,
                "not written: one-shots have the user of the service"
            ),
            KeyRule(
                "LoadCredential",
                "token:/etc/token",
                .credentials,
                "not written: use `env: {TOKEN: {from_file: path}}`"
            ),
            KeyRule(
                "LoadCredentialEncrypted",
                "token",
                .credentials,
                "not written: encrypted credentials cannot be read"
            ),
            KeyRule("SetCredential", "token:x", .credentials, "not written: use `env: {TOKEN: {from_file: path}}`"),
            KeyRule("ImportCredential", "token", .credentials, "not written: use `env: {TOKEN: {from_file: path}}`"),
        ] + plainLosses + sandboxKeys.map { KeyRule($0, "yes", .sandbox, "one line for all restrictions of a unit") }
    )

    private static let plainLosses =
        [
            "MemoryHigh", "MemoryLow", "MemoryMin", "MemorySwapMax", "CPUWeight", "CPUShares", "IOWeight",
            "BlockIOWeight", "AllowedCPUs", "CPUAffinity", "CPUSchedulingPolicy", "CPUSchedulingPriority", "Slice",
            "OOMPolicy", "LimitDATA", "LimitRSS", "LimitRTPRIO", "LimitNICE", "LimitCPU", "LimitSIGPENDING",
            "LimitMSGQUEUE", "LimitLOCKS", "LimitRTTIME", "TimerSlackNSec", "NUMAPolicy", "CoredumpFilter",
            "IgnoreSIGPIPE", "UtmpIdentifier", "TTYReset", "TTYVHangup", "TTYVTDisallocate", "RootImage",
            "LogRateLimitIntervalSec", "LogRateLimitBurst", "LogLevelMax", "LogExtraFields", "LogNamespace",
            "CPUAccounting", "MemoryAccounting", "TasksAccounting", "IOAccounting", "BlockIOAccounting", "IPAccounting",
            "RebootArgument", "FailureAction", "SuccessAction", "ManagedOOMPreference", "ManagedOOMMemoryPressure",
            "MountFlags", "USBFunctionDescriptors", "ExitType", "TimeoutStartFailureMode", "TimeoutStopFailureMode",
            "ReloadSignal", "WatchdogSignal", "StandardInputText", "OpenFile", "MemoryPressureWatch",
        ].map { KeyRule($0, "1", .noCounterpart, "not written: heroproc has no such setting") }

    private static let sandboxKeys = [
        "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "PrivateNetwork", "PrivateUsers",
        "PrivateMounts",
        "PrivateIPC", "PrivatePIDs", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
        "ProtectClock",
        "ProtectHostname", "ProtectControlGroups", "ProtectProc", "ProcSubset", "CapabilityBoundingSet",
        "SystemCallFilter", "SystemCallArchitectures", "SystemCallErrorNumber", "SystemCallLog",
        "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "RestrictFileSystems",
        "RestrictNetworkInterfaces", "LockPersonality", "MemoryDenyWriteExecute", "RemoveIPC", "ReadWritePaths",
        "ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths", "ReadWriteDirectories", "ReadOnlyDirectories",
        "InaccessibleDirectories", "TemporaryFileSystem", "BindPaths", "BindReadOnlyPaths", "DevicePolicy",
        "DeviceAllow",
        "KeyringMode", "SecureBits", "IPAddressDeny", "IPAddressAllow", "SocketBindAllow", "SocketBindDeny",
        "AppArmorProfile", "SELinuxContext", "SmackProcessLabel", "NetworkNamespacePath", "RootDirectoryStartOnly",
        "MountAPIVFS", "Personality", "CapabilityBounding", "Capabilities",
    ]

    static let install = KeyTable(
        "[Install]",
        [
            KeyRule("WantedBy", "multi-user.target", .alreadySo, "every service with `status: start` is started"),
            KeyRule("RequiredBy", "multi-user.target", .alreadySo, "every service with `status: start` is started"),
            KeyRule("UpheldBy", "multi-user.target", .alreadySo, "every service with `status: start` is started"),
            KeyRule("Alias", "www.service", .noCounterpart, "not written: a service has one name"),
            KeyRule("Also", "web.socket", .alreadySo, "every service with `status: start` is started"),
            KeyRule("DefaultInstance", "1", .sameMeaning, "the instance of the template"),
        ]
    )

    static let timer = KeyTable(
        "[Timer]",
        [
            KeyRule(
                "OnCalendar",
                "daily",
                .scheduleTimes,
                "`schedule.cron`; times are in UTC unless the source names a zone"
            ),
            KeyRule("OnUnitActiveSec", "5min", .scheduleTimes, "`schedule.every`, counted from start to start"),
            KeyRule("OnUnitInactiveSec", "5min", .scheduleTimes, "`schedule.every`, counted from start to start"),
            KeyRule("OnBootSec", "5min", .scheduleTimes, "not written: the first run follows the schedule"),
            KeyRule("OnStartupSec", "5min", .scheduleTimes, "not written: the first run follows the schedule"),
            KeyRule("OnActiveSec", "5min", .scheduleTimes, "not written: the first run follows the schedule"),
            KeyRule("Persistent", "true", .exact, "`schedule.catch_up`"),
            KeyRule("RandomizedDelaySec", "1h", .exact, "`schedule.jitter`"),
            KeyRule("FixedRandomDelay", "true", .alreadySo, "there is no random delay"),
            KeyRule("AccuracySec", "1min", .alreadySo, "a run starts on time"),
            KeyRule("Unit", "backup.service", .exact, "the action with the schedule"),
            KeyRule("WakeSystem", "true", .noCounterpart, "not written: a sleeping machine is not woken"),
            KeyRule("RemainAfterElapse", "no", .alreadySo, "a schedule has no end"),
        ]
    )

    static let socket = KeyTable(
        "[Socket]",
        [
            KeyRule(
                "ListenStream",
                "8080",
                .socketActivation,
                "not written: let the program bind it, and declare it there"
            ),
            KeyRule("ListenDatagram", "514", .socketActivation, "not written: let the program bind it"),
            KeyRule("ListenFIFO", "/run/x", .socketActivation, "not written: let the program open it"),
            KeyRule("ListenNetlink", "kobject-uevent", .socketActivation, "not written: let the program open it"),
            KeyRule("Accept", "yes", .socketActivation, "not written: no program is started for a connection"),
        ]
            + [
                "SocketUser", "SocketGroup", "SocketMode", "Backlog", "Service", "RemoveOnStop", "BindIPv6Only",
                "NoDelay",
                "KeepAlive", "ReusePort", "FreeBind", "DirectoryMode", "FileDescriptorName", "PassCredentials",
                "ReceiveBuffer", "SendBuffer", "MaxConnections", "TriggerLimitBurst", "TriggerLimitIntervalSec",
                "Symlinks", "PassSecurity", "Writable", "ListenSequentialPacket", "ListenSpecial",
            ].map { KeyRule($0, "1", .noCounterpart, "not written: the program makes its socket") }
    )
}
