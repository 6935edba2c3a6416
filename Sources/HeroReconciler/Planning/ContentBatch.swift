import HeroKernel
import HeroModel
import HeroPlan

/// The files of started actions whose content is compared with that of their start.
struct ContentBatch {
    /// An action that was started, with its files.
    private struct Target {
        var name: QualifiedName
        var action: String
        var recorded: [RecordedContent]
        var references: [ContentReference]
    }

    private var targets: [Target] = []

    /// Selects the files of all services that should run and were started.
    init(_ desired: DesiredState, jobs: (QualifiedName) -> [JobRecord]) {
        for (name, declared) in desired.services where declared.spec.status == .start && declared.spec.hasContents {
            add(declared.spec, jobs(name))
        }
    }

    /// Adds the files of one service.
    private mutating func add(_ spec: ServiceSpec, _ jobs: [JobRecord]) {
        for action in spec.actions {
            let references = spec.contentReferences(of: action)
            guard !references.isEmpty, let job = jobs.last(where: { $0.action == action.name }), job.generation > 0
            else { continue }
            targets.append(
                Target(
                    name: spec.name,
                    action: action.name,
                    recorded: job.contents ?? [],
                    references: references
                )
            )
        }
    }

    /// The files; their digests must have the same order.
    var references: [ContentReference] { targets.flatMap(\.references) }

    /// Adds the comparison to the observed state.
    func addResults(_ digests: [String?], to observed: inout Observed) {
        var next = digests.makeIterator()
        var contents: [QualifiedName: [ObservedContent]] = [:]
        for target in targets {
            for reference in target.references {
                let now = RecordedContent(reference, next.next() ?? nil)
                var content = ObservedContent(action: target.action, atStart: target.recorded.matching(now), now: now)
                content.isOptional = reference.isOptional
                contents[target.name, default: []].append(content)
            }
        }
        for (name, contents) in contents { observed.services[name]?.contents = contents }
    }
}

extension ServiceSpec {
    /// Whether the content of a file belongs to it.
    var hasContents: Bool { actions.contains { !contentReferences(of: $0).isEmpty } }
}

extension HostInspection {
    /// The content of files as of now, in the same order.
    func currentContents(of references: [ContentReference]) -> [RecordedContent] {
        zip(references, readContents(references)).map { RecordedContent($0, $1) }
    }
}

extension [RecordedContent] {
    /// The record of the same file.
    func matching(_ content: RecordedContent) -> RecordedContent? {
        first { $0.kind == content.kind && ByteText($0.path) == ByteText(content.path) }
    }
}
