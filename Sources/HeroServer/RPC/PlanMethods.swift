import HeroJSON
import HeroModel
import HeroStore
import HeroView

/// The methods that check manifests, make plans, and change something.
enum PlanMethods {
    static var all: [RPCMethod] { [validate, diff, apply, sync, cleanup] }

    private static let only = RPCParameter("only", .names, "Limit the plan to these services and what must follow.")

    private static var validate: RPCMethod {
        RPCMethod(
            name: "manifest.validate",
            summary: "Check the manifests of the services directory, as `heroproc validate -o json`.",
            parameters: [],
            result: ResultSchema.document(.validate)
        ) { _, data throws(RPCError) in try data.program.read(["validate"] + data.directoryOptions) }
    }

    private static var diff: RPCMethod {
        RPCMethod(
            name: "plan.diff",
            summary: "Show what an apply would change, and why, as `heroproc diff -o json`.",
            parameters: [
                only,
                RPCParameter("revision", .integer(1...Int64.max), "Use the manifests of this revision."),
                RPCParameter("against_revision", .integer(1...Int64.max), "Compare with this revision."),
            ],
            result: ResultSchema.document(.plan)
        ) { arguments, data throws(RPCError) in
            var options = arguments.texts("only").map { "--only=\($0)" }
            if let revision = arguments.integer("revision") { options.append("--revision=\(revision)") }
            if let base = arguments.integer("against_revision") { options.append("--against=revision:\(base)") }
            return try data.program.read(["diff"] + data.directoryOptions + options)
        }
    }

    private static var apply: RPCMethod {
        RPCMethod(
            name: "apply",
            summary: "Apply the services directory and wait for the result, as `heroproc apply -o json`.",
            parameters: [
                only,
                RPCParameter("base_revision", .integer(0...Int64.max), "Refuse if another revision is applied by now."),
                RPCParameter("allow_broken", .boolean, "Allow stops of services that could not start again."),
            ] + waiting,
            result: ResultSchema.document(.apply),
            role: .admin,
            body: applyManifests
        )
    }

    private static var sync: RPCMethod {
        RPCMethod(
            name: "sync",
            summary: "Fetch the followed git repository now and wait for the result, as `heroproc sync -o json`.",
            parameters: [RPCParameter("resume", .boolean, "End the pause of a `down`.")] + waiting,
            result: ResultSchema.document(.apply),
            role: .admin
        ) { arguments, data throws(RPCError) in
            try requireReconciler(data)
            return try change(["sync"] + (arguments.flag("resume") ? ["--resume"] : []), arguments, data)
        }
    }

    @Sendable
    private static func applyManifests(_ arguments: RPCArguments, _ data: ServerData) throws(RPCError) -> JSONValue {
        try requireReconciler(data)
        if let base = arguments.integer("base_revision") {
            let current = try data.readRows { try $0.revision()?.number } ?? nil
            guard base == current ?? 0 else {
                let text = "revision \(current ?? 0) is applied by now, not \(base); look at the new plan"
                throw RPCError(.refused, text)
            }
        }
        var options = arguments.texts("only").map { "--only=\($0)" }
        if arguments.flag("allow_broken") { options.append("--allow-broken") }
        return try change(["apply"] + data.directoryOptions + options, arguments, data)
    }

    /// The parameters of methods that change services and wait.
    private static let waiting = [
        RPCParameter("allow_protected", .boolean, "Allow stops of services with `protect: true`."),
        RPCParameter("allow_disruption", .boolean, "Allow more stops than `max_disruption` permits."),
        RPCParameter("timeout_ms", .integer(1...3_600_000), "The longest time to wait; 60,000 without it."),
        RPCParameter("no_wait", .boolean, "Answer when the revision is recorded."),
    ]

    /// Runs a command that changes services, with the options of these parameters.
    private static func change(
        _ command: [String],
        _ arguments: RPCArguments,
        _ data: ServerData
    ) throws(RPCError) -> JSONValue {
        let timeout = arguments.integer("timeout_ms") ?? 60_000
        var options = ["--timeout=\(timeout)ms"]
        if arguments.flag("allow_protected") { options.append("--allow-protected") }
        if arguments.flag("allow_disruption") { options.append("--allow-disruption") }
        if arguments.flag("no_wait") { options.append("--no-wait") }
        let output = try data.program.output(command + options, timeLimit: timeout + 30_000)
        let document = try HeroprocProgram.document(output)
        if output.exitCode == 2 {
            throw RPCError(.refused, output.message, data: ["result": document])
        }
        return document
    }

    private static var cleanup: RPCMethod {
        RPCMethod(
            name: "jobs.cleanup",
            summary: "Remove ended jobs with a tag, as `heroproc jobs cleanup -o json`.",
            parameters: [
                RPCParameter("tag", .text, "The tag; without it nothing can be removed.").required,
                RPCParameter("kind", .text, "Only jobs that also have the tag TAG_kind_KIND."),
                RPCParameter("target", .text, "Only jobs that also have the tag TAG_target_TARGET."),
                RPCParameter("actor", .text, "Only jobs that also have the tag TAG_ACTOR."),
                RPCParameter("older_than_ms", .integer(0...Int64.max), "Only jobs that ended at least this long ago."),
                RPCParameter("dry_run", .boolean, "Show what would be removed, and remove nothing."),
            ],
            result: ResultSchema.object([
                .init("jobs_deleted", .integer(minimum: 0), "The number of removed jobs; 0 in a dry run."),
                .init("actions_deleted", .integer(minimum: 0), "The number of removed actions; 0 in a dry run."),
                .init("job_ids", .list(.integer(minimum: 1)), "The jobs."),
                .init("action_ids", .list(.text), "The actions."),
                .init("errors", .list(.text), "The errors."),
                .init("dry_run", .boolean, "Whether nothing was removed."),
            ]),
            role: .admin,
            example: ["tag": "ci", "dry_run": true]
        ) { arguments, data throws(RPCError) in
            if !arguments.flag("dry_run") { try requireReconciler(data) }
            var options: [String] = []
            for name in ["tag", "kind", "target", "actor"] {
                if let value = arguments.text(name) { options.append("--\(name)=\(value)") }
            }
            if let age = arguments.integer("older_than_ms") { options.append("--older-than=\(age)ms") }
            if arguments.flag("dry_run") { options.append("--dry-run") }
            return try data.program.read(["jobs", "cleanup"] + options)
        }
    }

    /// The server never starts a reconciler.
    private static func requireReconciler(_ data: ServerData) throws(RPCError) {
        guard data.hasReconciler else { throw RPCError(.noReconciler, "no reconciler is running") }
    }
}
