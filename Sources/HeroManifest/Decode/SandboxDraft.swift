internal import HeroModel

/// The `sandbox` map of an action.
struct SandboxDraft: ManifestDraft {
    private(set) var policy = SandboxPolicy()
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// The keys of the map.
    static let table = KeyTable<Self>(
        of: "sandbox",
        prefix: "sandbox.",
        [
            Key("read_only") { node, draft, decoder in
                draft.policy.isReadOnly = decoder.boolean(node, "sandbox.read_only") ?? false
            },
            Key("writable") { node, draft, decoder in
                draft.policy.writable = decoder.sandboxPaths(node, "sandbox.writable", example: "/var/lib/web")
            },
            Key("private_tmp") { node, draft, decoder in
                draft.policy.hasPrivateTmp = decoder.boolean(node, "sandbox.private_tmp") ?? false
            },
            Key("hide") { node, draft, decoder in
                draft.policy.hidden = decoder.sandboxPaths(node, "sandbox.hide", example: "/home")
            },
            Key("no_network") { node, draft, decoder in
                draft.policy.hasNoNetwork = decoder.boolean(node, "sandbox.no_network") ?? false
            },
        ]
    )
}

extension FileDecoder {
    /// Decodes a list of paths but `/`; returns each once, sorted.
    fileprivate mutating func sandboxPaths(_ node: YAMLNode, _ key: String, example: String) -> [String] {
        var paths = OrderedSet<ByteText>()
        for item in scalarItems(node, key, of: "paths", example: example) {
            guard let path = path(item, key, example: "\(lastComponent(key)): [\(example)]") else { continue }
            if path == "/" {
                report(
                    .invalidPath,
                    "`\(key)` cannot contain `/`",
                    help: "write the directories and files that the program needs",
                    at: item.span
                )
            } else if !paths.append(ByteText(path)) {
                reportListedTwice(item, key, path)
            }
        }
        if paths.items.count > SandboxPolicy.maximumPaths {
            report(
                .outOfRange,
                "`\(key)` has \(paths.items.count) paths; the limit is \(SandboxPolicy.maximumPaths)",
                help: "write directories in place of the files in them",
                at: node.span
            )
        }
        return paths.items.map(\.text).sorted()
    }
}

extension ActionDraft {
    /// Reports what an action declares and its sandbox makes impossible.
    mutating func checkSandbox(in decoder: inout FileDecoder) {
        guard let sandbox = spec.sandbox else { return }
        if sandbox.hasNoNetwork { reportNetworkUse(in: &decoder) }
        for (path, span) in bindings.sockets where !path.hasPrefix("@") {
            report("the socket", path, sandbox.problem(withWriting: path), at: span, in: &decoder)
        }
        if let path = spec.pidFile, let span = span(of: "pid_file") {
            report("the PID file", path, sandbox.problem(withWriting: path), at: span, in: &decoder)
        }
        for folder in spec.folders {
            guard let span = span(of: "folders") else { break }
            report("the folder", folder.path, sandbox.problem(withWriting: folder.path), at: span, in: &decoder)
        }
    }

    private func report(
        _ what: String,
        _ path: String,
        _ problem: SandboxPolicy.PathProblem?,
        at span: Span,
        in decoder: inout FileDecoder
    ) {
        let key: String
        let help: String
        switch problem {
        case .hidden:
            key = "sandbox.hide"
            help = "hide less, or write a path that is not hidden"
        case .privateTmp:
            key = "sandbox.private_tmp"
            help = "write a path that is not below `/tmp` or `/var/tmp`, such as one below `/run`"
        case .readOnly:
            key = "sandbox.read_only"
            help = "add its directory to `sandbox.writable`"
        case nil: return
        }
        let reason =
            switch problem {
            case .hidden: "is hidden from the program"
            case .privateTmp: "is in a directory of the program's own, where no other program finds it"
            case .readOnly, nil: "cannot be written by the program, because its directory is read-only"
            }
        decoder.report(
            .sandboxHidesPath,
            "\(what) \(quoted(path)) \(reason)",
            help: help,
            at: span,
            notes: notes(of: key, in: decoder)
        )
    }

    private func notes(of key: String, in decoder: FileDecoder) -> [Diagnostic.Note] {
        span(of: key).map { [decoder.source.note("`\(key)`", at: $0)] } ?? []
    }

    private func reportNetworkUse(in decoder: inout FileDecoder) {
        let notes = notes(of: "sandbox.no_network", in: decoder)
        func report(_ message: String, _ help: String, at span: Span) {
            decoder.report(.sandboxWithoutNetwork, message, help: help, at: span, notes: notes)
        }
        if let (_, span) = bindings.ports.first {
            report(
                "no other program can reach the ports of a program without network",
                "remove `no_network`, or listen on a Unix socket and write it in `sockets`",
                at: span
            )
        }
        for (path, span) in bindings.sockets where path.hasPrefix("@") {
            report(
                "the abstract socket \(quoted(path)) belongs to the network, which this program does not have",
                "write the path of a socket",
                at: span
            )
        }
        for (name, probe) in [("ready", spec.ready), ("health", spec.health)] {
            guard let (key, what) = probe?.check.networkUse, let span = span(of: "\(name).\(key)") else { continue }
            report(
                "\(what) cannot reach a program without network",
                "probe a Unix socket, or run a command with `exec`, which runs inside",
                at: span
            )
        }
    }
}

extension Probe.Check {
    /// The key and the kind of a probe that needs the network of its program.
    fileprivate var networkUse: (key: String, what: String)? {
        switch self {
        case .tcp: ("tcp", "a TCP probe")
        case .http(let target):
            switch target.server {
            case .tcp: ("http", "an HTTP probe")
            case .unix(let path): path.hasPrefix("@") ? ("http", "a probe of an abstract socket") : nil
            }
        case .unix(let path): path.hasPrefix("@") ? ("unix", "a probe of an abstract socket") : nil
        case .exec, .log, .notify, .descriptor, .memory, .aliveFor, .watchdog: nil
        }
    }
}
