/// The JSON that heroproc writes, described as JSON Schema (draft 2020-12).
///
/// Each stands once, here; `heroproc schema NAME` prints it, `schemas/NAME.schema.json` is compared with it, and every
/// JSON of the tests is judged by it. A member that no schema knows fails those tests.
public enum OutputSchema: String, CaseIterable, Sendable {
    /// `diff -o json`.
    case plan
    /// `status -o json`.
    case status
    /// `jobs -o json`.
    case jobs
    /// `apply -o json`, `reconcile -o json` and `down -o json`.
    case apply
    /// `validate -o json`.
    case validate
    /// `history -o json`.
    case history
    /// `why -o json`.
    case why
    /// `tree -o json` and `graph -o json`.
    case tree
    /// `init -o json`.
    case initial = "init"
    /// `doctor -o json`.
    case doctor
    /// One line of `events -o json`.
    case events
    /// One line of `logs -o json`.
    case logs

    /// The schema as a document.
    public var json: JSONValue {
        let head: [JSONValue.Member] = [
            .init("$schema", "https://json-schema.org/draft/2020-12/schema"),
            .init("$id", .string("urn:heroproc:schema:\(rawValue):v1")),
            .init("title", .string(title)),
            .init("description", .string(summary)),
        ]
        return .object(head + type.members)
    }

    /// The same as text, as it is committed and printed.
    public var text: String { json.text(.pretty) + "\n" }

    private var title: String {
        isLine ? "heroproc \(rawValue), one line" : "heroproc/\(rawValue)/v1"
    }

    /// Whether it describes one line of many.
    private var isLine: Bool {
        switch self {
        case .plan, .status, .jobs, .apply, .validate, .history, .why, .tree, .initial, .doctor: false
        case .events, .logs: true
        }
    }

    private var summary: String {
        switch self {
        case .plan: "What an apply would do, and why: `heroproc diff -o json`."
        case .status: "What runs: `heroproc status -o json`; with `--watch` one such document a line."
        case .jobs: "Jobs: `heroproc jobs -o json` and `heroproc jobs show ID -o json`."
        case .apply: "What an apply has come to: `heroproc apply -o json`, also `reconcile` and `down`."
        case .validate: "Whether a set of manifests is good: `heroproc validate -o json`."
        case .history: "The applied revisions: `heroproc history -o json`."
        case .why: "Why a service is in its state: `heroproc why NAME -o json`."
        case .tree: "Who depends on whom: `heroproc tree -o json` and `heroproc graph -o json`."
        case .initial: "What `heroproc init -o json` has written."
        case .doctor: "What was found on a machine: `heroproc doctor -o json`."
        case .events: "What happened: `heroproc events -o json` writes one such object a line."
        case .logs: "What a service wrote: `heroproc logs NAME -o json` writes one such object a line."
        }
    }

    private var type: SchemaType {
        switch self {
        case .plan: .object(Self.planMembers)
        case .status: .object(Self.statusMembers)
        case .jobs: .object(Self.jobsMembers)
        case .apply: .object(Self.applyMembers)
        case .validate: .object(Self.validateMembers)
        case .history: .object(Self.historyMembers)
        case .why: .object(Self.whyMembers)
        case .tree: .object(Self.treeMembers)
        case .initial: .object(Self.initMembers)
        case .doctor: .object(Self.doctorMembers)
        case .events: .object(Self.eventMembers)
        case .logs: .object(Self.logMembers)
        }
    }

    /// The member that says which schema a document follows.
    func schemaMember() -> SchemaType.Member {
        .init("schema", .oneOf(["heroproc/\(rawValue)/v1"]), "What this document is.")
    }
}
