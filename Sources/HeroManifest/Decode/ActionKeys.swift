internal import HeroModel

extension ActionDraft {
    /// The keys of `kind: Action`, in the order of the reference page.
    static let table = KeyTable<ActionDraft>(
        of: "an action",
        [
            Key("kind") { _, _, _ in },
            Key("name") { _, _, _ in },
            Key("context") { _, _, _ in },
        ] + sharedKeys,
        misplacedKeyHelp: { key in
            guard serviceOnlyKeyNames.contains(key) else { return nil }
            return "`\(key)` is a key of a service: write it in the service that lists this action"
        }
    )

    /// The keys of an inline action: all but `kind`, `context` and those of standalone actions.
    static let inlineTable = KeyTable<ActionDraft>(
        of: "an action",
        [Key("name") { _, _, _ in }] + sharedKeys.filter { !standaloneKeyNames.contains($0.name) },
        misplacedKeyHelp: { key in
            if key == "kind" || key == "context" {
                return "remove it: an action inside a service has the context of the service"
            }
            if key == "schedule" || key == "run_on" {
                return
                    "declare the action in a document of `kind: Action`: a standalone action runs outside services"
            }
            guard serviceOnlyKeyNames.contains(key) else { return nil }
            return "`\(key)` is a key of a service: indent it like `actions`"
        }
    )

    /// The names of the keys of an inline action, without `name`.
    static let inlineKeyNames = Set(sharedKeys.map(\.name)).subtracting(standaloneKeyNames)

    /// The names of the keys that make an action standalone.
    private static let standaloneKeyNames: Set<String> = ["schedule", "run_on"]

    private static let serviceOnlyKeyNames = Set(ServiceSpec.fields.map(\.key)).subtracting(
        ActionSpec.fields.map(\.key)
    )

    private static let sharedKeys: [Key<ActionDraft>] = [
        Key("description") { node, draft, decoder in
            if let text = decoder.text(node, "description") { draft.spec.description = text }
        },
        Key("tags") { node, draft, decoder in draft.spec.tags = decoder.uniqueTexts(node, "tags", example: "nightly") },
        Key("exec") { node, draft, decoder in draft.arguments = decoder.arguments(node, "exec") },
        Key("script") { node, draft, decoder in
            guard let text = decoder.text(node, "script", example: "script: echo hello") else { return }
            if text.utf8.allSatisfy({ $0 <= 32 }) {
                decoder.report(.emptyText, "`script` is empty", help: "write the commands to run", at: node.span)
            } else {
                draft.script = text
            }
        },
        Key("interpreter") { node, draft, decoder in
            draft.interpreter = decoder.singleLineText(node, "interpreter", example: "interpreter: bash")
        },
        Key("is_process") { node, draft, decoder in
            if let value = decoder.boolean(node, "is_process") { draft.spec.isProcess = value }
        },
        Key("cwd") { node, draft, decoder in
            draft.spec.workingDirectory = decoder.path(node, "cwd", example: "cwd: /srv/web")
        },
        Key("env") { node, draft, decoder in
            draft.spec.environment = decoder.environment(node, "env") { path, span in
                draft.writtenFields.append(WrittenField(path: path, span: span))
            }
        },
        Key("env_file") { node, draft, decoder in
            draft.spec.environmentFiles = decoder.environmentFiles(node, "env_file")
        },
        Key("files") { node, draft, decoder in draft.spec.files = decoder.contentPaths(node, "files") },
        Key("user") { node, draft, decoder in draft.spec.user = decoder.account(node, "user", other: "group") },
        Key("group") { node, draft, decoder in draft.spec.group = decoder.account(node, "group", other: "user") },
        Key("umask") { node, draft, decoder in
            if let value = decoder.octal(node, "umask", in: AllowedRanges.umask) { draft.spec.umask = UInt32(value) }
        },
        Key("limits") { node, draft, decoder in
            LimitsDraft.actionTable.decode(node, example: "nofile: 4096", into: &draft.limits, in: &decoder)
        },
        Key("no_new_privs") { node, draft, decoder in
            draft.spec.noNewPrivileges = decoder.boolean(node, "no_new_privs")
        },
        Key("capabilities") { node, draft, decoder in
            draft.spec.capabilities = decoder.capabilities(node, "capabilities")
        },
        Key("sandbox") { node, draft, decoder in
            SandboxDraft.table.decode(node, example: "read_only: true", into: &draft.sandbox, in: &decoder)
        },
        Key("strict_exec") { node, draft, decoder in
            if let value = decoder.boolean(node, "strict_exec") { draft.spec.isStrict = value }
        },
        Key("oom_score_adj") { node, draft, decoder in
            draft.spec.oomScoreAdjustment = decoder.integer(node, "oom_score_adj", in: AllowedRanges.oomScoreAdjustment)
        },
        Key("nice") { node, draft, decoder in
            draft.spec.nice = decoder.integer(node, "nice", in: AllowedRanges.nice)
        },
        Key("io_priority") { node, draft, decoder in draft.spec.ioPriority = decoder.ioPriority(node, "io_priority") },
        Key("folders") { node, draft, decoder in draft.spec.folders = FolderDraft.decodeList(node, in: &decoder) },
        Key("singleton") { node, draft, decoder in
            if let value = decoder.boolean(node, "singleton") { draft.spec.singleton = value }
        },
        Key("pid_file") { node, draft, decoder in
            draft.spec.pidFile = decoder.filePath(node, "pid_file", example: "pid_file: /run/web.pid")
        },
        Key("kill_others") { node, draft, decoder in
            if let value = decoder.boolean(node, "kill_others") { draft.spec.killsOthers = value }
        },
        Key("sockets") { node, draft, decoder in
            var paths = OrderedSet<ByteText>()
            for item in decoder.scalarItems(node, "sockets", of: "paths", example: "/run/web.sock") {
                guard let path = decoder.socketPath(item, "sockets") else { continue }
                if paths.append(ByteText(path)) {
                    draft.bindings.sockets.append((path, item.span))
                } else {
                    decoder.reportListedTwice(item, "sockets", path)
                }
            }
            draft.spec.sockets = paths.items.map(\.text)
        },
        Key("tcp_ports") { node, draft, decoder in
            draft.bindings.ports = PortDraft.decodeList(node, in: &decoder)
            draft.spec.tcpPorts = draft.bindings.ports.map(\.port)
        },
        Key("ready") { node, draft, decoder in
            let probe = ProbeDraft.decode(node, as: .ready, in: &decoder)
            draft.spec.ready = probe.probe
            draft.writtenFields += probe.writtenFields
        },
        Key("health") { node, draft, decoder in
            let probe = ProbeDraft.decode(node, as: .health, in: &decoder)
            draft.spec.health = probe.probe
            draft.writtenFields += probe.writtenFields
        },
        Key("notify_from") { node, draft, decoder in
            draft.spec.notifyFrom = decoder.choice(node, "notify_from", NotifyFrom.self)
        },
        Key("start_timeout") { node, draft, decoder in
            if let value = decoder.duration(node, "start_timeout", in: AllowedRanges.time) {
                draft.spec.startTimeout = value
            }
        },
        Key("timeout") { node, draft, decoder in
            draft.spec.timeout = decoder.duration(node, "timeout", in: AllowedRanges.time)
        },
        Key("stop") { node, draft, decoder in
            StopDraft.actionTable.decode(node, example: "signal: TERM", into: &draft.stop, in: &decoder)
        },
        Key("reload") { node, draft, decoder in draft.spec.reload = ReloadDraft.decode(node, in: &decoder) },
        Key("restart") { node, draft, decoder in draft.restart = decoder.choice(node, "restart", RestartPolicy.self) },
        Key("retry") { node, draft, decoder in
            RetryDraft.actionTable.decode(node, example: "max_attempts: 3", into: &draft.retry, in: &decoder)
        },
        Key("success_exit_codes") { node, draft, decoder in
            if let codes = decoder.exitCodes(node, "success_exit_codes") { draft.spec.successExitCodes = codes }
        },
        Key("when") { node, draft, decoder in
            if let value = decoder.choice(node, "when", ActionSpec.Occasion.self) { draft.spec.occasion = value }
        },
        Key("once") { node, draft, decoder in
            if let value = decoder.boolean(node, "once") { draft.spec.runsOnce = value }
        },
        Key("schedule") { node, draft, decoder in
            let schedule = ScheduleDraft.decode(node, in: &decoder)
            draft.spec.schedule = schedule.schedule
            draft.timeZone = schedule.timeZone
            draft.writtenFields += schedule.writtenFields
        },
        Key("run_on") { node, draft, decoder in
            if let value = decoder.choice(node, "run_on", RunOn.self) { draft.spec.runOn = value }
        },
        Key("log") { node, draft, decoder in
            LogDraft.actionTable.decode(node, example: "max_size: 10MiB", into: &draft.log, in: &decoder)
            draft.bindings.logLink = draft.log.link
        },
        Key("generation") { node, draft, decoder in
            if let value = decoder.integer(node, "generation", in: AllowedRanges.generation) {
                draft.spec.generation = value
            }
        },
    ]
}
