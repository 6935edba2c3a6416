public import HeroJSON

/// The JSON Schemas (draft 2020-12) of the JSON that heroproc writes.
///
/// `heroproc schema NAME` prints a schema, tests compare it with `schemas/NAME.schema.json` and validate every JSON
/// output of the tests with it. An output member that no schema names fails these tests.
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
    /// `stats -o json`.
    case stats
    /// `tree --processes -o json`.
    case processes
    /// `init -o json`.
    case initial = "init"
    /// `import -o json`.
    case imported = "import"
    /// `export -o json`.
    case exported = "export"
    /// `doctor -o json`.
    case doctor
    /// One line of `events -o json`.
    case events
    /// One line of `logs -o json`.
    case logs

    /// The schema as a JSON document.
    public var json: JSONValue {
        let head: [JSONValue.Member] = [
            .init("$schema", "https://json-schema.org/draft/2020-12/schema"),
            .init("$id", .string("urn:heroproc:schema:\(rawValue):v1")),
            .init("title", .string(title)),
            .init("description", .string(summary)),
        ]
        return .object(head + type.members)
    }

    /// The schema as text, as it is committed and printed.
    public var text: String { json.text(.pretty) + "\n" }

    private var title: String {
        isLine ? "heroproc \(rawValue), one line" : "heroproc/\(rawValue)/v1"
    }

    /// Whether it describes one line of many.
    private var isLine: Bool {
        switch self {
        case .plan, .status, .jobs, .apply, .validate, .history, .why, .tree, .stats, .processes, .initial, .imported,
            .exported, .doctor:
            false
        case .events, .logs: true
        }
    }

    private var summary: String {
        switch self {
        case .plan: "What an apply would change, and why: `heroproc diff -o json`."
        case .status: "The state of all services: `heroproc status -o json`; with `--watch` one document per line."
        case .jobs: "Jobs: `heroproc jobs -o json` and `heroproc jobs show ID -o json`."
        case .apply: "The result of an apply: `heroproc apply -o json`, also `reconcile` and `down`."
        case .validate: "Whether a set of manifests is valid: `heroproc validate -o json`."
        case .history: "The applied revisions: `heroproc history -o json`."
        case .why: "Why a service is in its state: `heroproc why NAME -o json`."
        case .tree: "The dependencies of services: `heroproc tree -o json` and `heroproc graph -o json`."
        case .stats:
            "What the processes of services use: `heroproc stats -o json`; with `--watch` one document per line."
        case .processes: "The processes of services: `heroproc tree --processes -o json`."
        case .initial: "The files that `heroproc init -o json` has written."
        case .imported: "The fate of every key of an imported configuration: `heroproc import -o json`."
        case .exported: "The fate of every key of exported services: `heroproc export -o json`."
        case .doctor: "The checks of a machine: `heroproc doctor -o json`."
        case .events: "What happened: `heroproc events -o json` writes one such object per line."
        case .logs: "The output of a service: `heroproc logs NAME -o json` writes one such object per line."
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
        case .stats: .object(Self.statsMembers)
        case .processes: .object(Self.processesMembers)
        case .initial: .object(Self.initMembers)
        case .imported: .object(Self.conversionMembers(of: .imported))
        case .exported: .object(Self.conversionMembers(of: .exported))
        case .doctor: .object(Self.doctorMembers)
        case .events: .object(Self.eventMembers)
        case .logs: .object(Self.logMembers)
        }
    }

    /// The member that names the schema of a document.
    func schemaMember() -> SchemaType.Member {
        .init("schema", .oneOf(["heroproc/\(rawValue)/v1"]), "The schema of this document.")
    }
}
