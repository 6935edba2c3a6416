internal import HeroModel

extension ActionDraft {
    /// Every key of `kind: Action` in the order of the reference.
    static let table = KeyTable<ActionDraft>(
        of: "an action",
        [
            Key("kind") { _, _, _ in },
            Key("name") { _, _, _ in },
            Key("context") { _, _, _ in },
        ] + sharedKeys,
        elsewhere: { key in
            guard serviceOnlyKeyNames.contains(key) else { return nil }
            return "`\(key)` is a key of a service: write it in the service that lists this action"
        }
    )

    /// The keys of an action within a service: all but `kind` and `context`.
    static let inlineTable = KeyTable<ActionDraft>(
        of: "an action",
        [Key("name") { _, _, _ in }] + sharedKeys.filter { !standaloneKeyNames.contains($0.name) },
        elsewhere: { key in
            if key == "kind" || key == "context" {
                return "remove it: an action within a service belongs to its service's context"
            }
            if key == "schedule" || key == "run_on" {
                return
                    "write this action as a document of its own, with `kind: Action`: it runs by itself, outside of services"
            }
            guard serviceOnlyKeyNames.contains(key) else { return nil }
            return "`\(key)` is a key of a service: indent it less, beside `actions`"
        }
    )

    /// The names of the keys that an action within a service can have, besides its name.
    static let inlineKeyNames = Set(sharedKeys.map(\.name)).subtracting(standaloneKeyNames)

    /// The names of the keys of actions that run by themselves.
    private static let standaloneKeyNames: Set<String> = ["schedule", "run_on"]

    private static let serviceOnlyKeyNames = Set(ServiceSpec.fields.map(\.key)).subtracting(
        ActionSpec.fields.map(\.key)
    )

    private static let sharedKeys: [Key<ActionDraft>] = [
        Key("description") { node, draft, scope in
            if let text = scope.text(node, "description") { draft.spec.description = text }
        },
        Key("tags") { node, draft, scope in draft.spec.tags = scope.uniqueTexts(node, "tags", example: "nightly") },
        Key("exec") { node, draft, scope in draft.arguments = scope.arguments(node, "exec") },
        Key("script") { node, draft, scope in
            guard let text = scope.text(node, "script", example: "script: echo hello") else { return }
            if text.utf8.allSatisfy({ $0 <= 32 }) {
                scope.report(.emptyText, "`script` is empty", help: "write what to run", at: node.span)
            } else {
                draft.script = text
            }
        },
        Key("interpreter") { node, draft, scope in
            draft.interpreter = scope.singleLineText(node, "interpreter", example: "interpreter: bash")
        },
        Key("is_process") { node, draft, scope in
            if let value = scope.boolean(node, "is_process") { draft.spec.isProcess = value }
        },
        Key("cwd") { node, draft, scope in
            draft.spec.workingDirectory = scope.path(node, "cwd", example: "cwd: /srv/web")
        },
        Key("env") { node, draft, scope in
            draft.spec.environment = scope.environment(node, "env") { path, span in
                draft.writtenFields.append(WrittenField(path: path, span: span))
            }
        },
        Key("env_file") { node, draft, scope in
            draft.spec.environmentFiles = scope.paths(node, "env_file", example: "web.env")
        },
        Key("user") { node, draft, scope in draft.spec.user = scope.account(node, "user", other: "group") },
        Key("group") { node, draft, scope in draft.spec.group = scope.account(node, "group", other: "user") },
        Key("umask") { node, draft, scope in
            if let value = scope.octal(node, "umask", in: AllowedRanges.umask) { draft.spec.umask = UInt32(value) }
        },
        Key("limits") { node, draft, scope in
            var limits = LimitsDraft()
            LimitsDraft.table.decode(node, example: "nofile: 4096", into: &limits, in: &scope)
            draft.spec.limits = limits.limits
            draft.writtenFields += limits.writtenFields
        },
        Key("no_new_privs") { node, draft, scope in
            draft.spec.noNewPrivileges = scope.boolean(node, "no_new_privs")
        },
        Key("strict_exec") { node, draft, scope in
            if let value = scope.boolean(node, "strict_exec") { draft.spec.isStrict = value }
        },
        Key("oom_score_adj") { node, draft, scope in
            draft.spec.oomScoreAdjustment = scope.integer(node, "oom_score_adj", in: AllowedRanges.oomScoreAdjustment)
        },
        Key("singleton") { node, draft, scope in
            if let value = scope.boolean(node, "singleton") { draft.spec.singleton = value }
        },
        Key("pid_file") { node, draft, scope in
            draft.spec.pidFile = scope.filePath(node, "pid_file", example: "pid_file: /run/web.pid")
        },
        Key("kill_others") { node, draft, scope in
            if let value = scope.boolean(node, "kill_others") { draft.spec.killsOthers = value }
        },
        Key("sockets") { node, draft, scope in
            var paths = OrderedSet<String>()
            for item in scope.scalarItems(node, "sockets", of: "paths", example: "/run/web.sock") {
                guard let path = scope.socketPath(item, "sockets") else { continue }
                if paths.append(path) {
                    draft.bindings.sockets.append((path, item.span))
                } else {
                    scope.reportListedTwice(item, "sockets", path)
                }
            }
            draft.spec.sockets = paths.items
        },
        Key("tcp_ports") { node, draft, scope in
            draft.bindings.ports = PortDraft.decodeList(node, in: &scope)
            draft.spec.tcpPorts = draft.bindings.ports.map(\.port)
        },
        Key("ready") { node, draft, scope in
            let probe = ProbeDraft.decode(node, as: .ready, in: &scope)
            draft.spec.ready = probe.probe
            draft.writtenFields += probe.writtenFields
        },
        Key("health") { node, draft, scope in
            let probe = ProbeDraft.decode(node, as: .health, in: &scope)
            draft.spec.health = probe.probe
            draft.writtenFields += probe.writtenFields
        },
        Key("start_timeout") { node, draft, scope in
            if let value = scope.duration(node, "start_timeout", in: AllowedRanges.time) {
                draft.spec.startTimeout = value
            }
        },
        Key("timeout") { node, draft, scope in
            draft.spec.timeout = scope.duration(node, "timeout", in: AllowedRanges.time)
        },
        Key("stop") { node, draft, scope in
            StopDraft.actionTable.decode(node, example: "signal: TERM", into: &draft.stop, in: &scope)
        },
        Key("restart") { node, draft, scope in draft.restart = scope.choice(node, "restart", RestartPolicy.self) },
        Key("retry") { node, draft, scope in
            RetryDraft.actionTable.decode(node, example: "max_attempts: 3", into: &draft.retry, in: &scope)
        },
        Key("success_exit_codes") { node, draft, scope in
            if let codes = scope.exitCodes(node, "success_exit_codes") { draft.spec.successExitCodes = codes }
        },
        Key("schedule") { node, draft, scope in
            let schedule = ScheduleDraft.decode(node, in: &scope)
            draft.spec.schedule = schedule.schedule
            draft.timeZone = schedule.timeZone
            draft.writtenFields += schedule.writtenFields
        },
        Key("run_on") { node, draft, scope in
            if let value = scope.choice(node, "run_on", RunOn.self) { draft.spec.runOn = value }
        },
        Key("log") { node, draft, scope in
            LogDraft.actionTable.decode(node, example: "max_size: 10MiB", into: &draft.log, in: &scope)
        },
        Key("generation") { node, draft, scope in
            if let value = scope.integer(node, "generation", in: AllowedRanges.generation) {
                draft.spec.generation = value
            }
        },
    ]
}
