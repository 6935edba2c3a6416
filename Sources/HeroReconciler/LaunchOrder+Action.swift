import HeroKernel
import HeroModel

/// Turns what manifests say into what a shim is told: environment, paths and arguments.
struct LaunchPlanner {
    /// `PATH HOME USER ...` of the kernel.
    var baseEnvironment: [String: String]

    /// The order that starts this generation of a job; a standalone one has no service.
    func order(_ job: JobRecord, _ action: ActionSpec, in service: ServiceSpec?) -> LaunchOrder {
        let environment = environment(job, action, in: service)
        let (arguments, script) = command(of: action.program)
        return LaunchOrder(
            start: StartID(job: job.id, generation: job.generation),
            label: service.map { "\($0.name).\(action.name)" } ?? "\(job.context)/\(action.name)",
            candidates: candidates(arguments.first ?? "", path: environment["PATH"] ?? ""),
            arguments: arguments,
            environment: environment,
            workingDirectory: workingDirectory(action, in: service),
            script: script,
            stop: action.stop,
            log: action.log,
            logFile: "\(Self.logFolder(job.context, service: service?.name.name, action: action.name))/\(job.id).log"
        )
    }

    /// Where its program runs.
    func workingDirectory(_ action: ActionSpec, in service: ServiceSpec?) -> String {
        action.workingDirectory ?? service?.workingDirectory ?? "/"
    }

    /// The folder of an action's logs below the log directory; `_` stands for no service (contract section 8).
    static func logFolder(_ context: String, service: String?, action: String) -> String {
        "\(context)/\(service ?? "_")/\(action)"
    }

    /// Weakest first: base, what heroproc says, the service's, the action's (contract section 3).
    func environment(_ job: JobRecord, _ action: ActionSpec, in service: ServiceSpec?) -> [String: String] {
        var result = baseEnvironment
        result["HEROPROC_CONTEXT"] = job.context
        if let service { result["HEROPROC_SERVICE"] = service.name.name }
        result["HEROPROC_ACTION"] = action.name
        result["HEROPROC_JOB_ID"] = String(job.id)
        result["HEROPROC_RESTART_COUNT"] = String(job.executions)
        for layer in [service?.environment ?? [:], action.environment] {
            for case (let name, .text(let text)) in layer { result[name] = text }
        }
        return result
    }

    private func command(of program: ActionSpec.Program) -> (arguments: [String], script: String?) {
        switch program {
        case .exec(let arguments): (arguments, nil)
        case .script(let text, interpreter: let interpreter):
            (interpreterWords(interpreter ?? Self.shebang(of: text) ?? "sh") + [LaunchOrder.scriptPlaceholder], text)
        }
    }

    /// `#!/usr/bin/env python3 -u` has an interpreter and words for it; so may the key.
    private func interpreterWords(_ text: String) -> [String] {
        text.split(separator: " ").map(String.init)
    }

    private static func shebang(of script: String) -> String? {
        guard script.hasPrefix("#!"), let line = script.split(whereSeparator: \.isNewline).first else { return nil }
        let words = line.dropFirst(2).drop { $0 == " " || $0 == "\t" }
        return words.isEmpty ? nil : String(words)
    }

    /// The paths execvp(3) would try: a name without a slash is looked up in the job's own PATH.
    private func candidates(_ program: String, path: String) -> [String] {
        guard !program.contains("/") else { return [program] }
        return path.split(separator: ":").map { $0.hasSuffix("/") ? "\($0)\(program)" : "\($0)/\(program)" }
    }
}
