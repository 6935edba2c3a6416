import ArgumentParser
import HeroModel

/// A selection of services and standalone actions: `NAME`, `CONTEXT/NAME`, `CONTEXT/` or `tag:NAME`.
enum SelectorArgument: ExpressibleByArgument, Hashable {
    /// One service or standalone action.
    case name(QualifiedName)
    /// All of a context.
    case context(String)
    /// All that have a tag, or that have an action with it.
    case tag(String)

    /// The forms, for help texts.
    static let forms = "NAME of context core, CONTEXT/NAME, CONTEXT/ or tag:NAME"

    /// Parses a selection.
    init?(argument: String) {
        if argument.hasPrefix("tag:") {
            let tag = String(argument.dropFirst(4))
            guard !tag.isEmpty else { return nil }
            self = .tag(tag)
        } else if argument.hasSuffix("/") {
            let context = String(argument.dropLast())
            guard QualifiedName.isValid(context) else { return nil }
            self = .context(context)
        } else {
            guard let name = QualifiedName(reference: argument, in: QualifiedName.defaultContext) else { return nil }
            self = .name(name)
        }
    }
}

/// The services and standalone actions from which is selected.
struct Selectable {
    /// Their names.
    var names: Set<QualifiedName>
    /// Their tags; a name without an entry has none.
    var tags: [QualifiedName: Set<String>]

    /// Creates the names, with the tags that manifests declare.
    init(_ names: some Sequence<QualifiedName>, _ declared: DesiredState?) {
        self.names = Set(names)
        tags = [:]
        for (name, service) in declared?.services ?? [:] {
            let all = service.spec.actions.reduce(into: Set(service.spec.tags)) { $0.formUnion($1.tags) }
            if !all.isEmpty { tags[name] = all }
        }
        for (name, action) in declared?.actions ?? [:] where !action.spec.tags.isEmpty {
            tags[name, default: []].formUnion(action.spec.tags)
        }
    }

    /// Returns the names that any of the selections selects, sorted.
    ///
    /// - Throws: `CommandError` for an unknown name, and for a context or a tag that nothing has.
    func select(_ selectors: [SelectorArgument], inPlan: Bool = false) throws -> [QualifiedName] {
        var result: Set<QualifiedName> = []
        for selector in selectors {
            switch selector {
            case .name(let name):
                try KnownNames(names.sorted()).requireKnown([name], inPlan: inPlan)
                result.insert(name)
            case .context(let context):
                let found = names.filter { $0.context == context }
                guard !found.isEmpty else {
                    throw CommandError("there is no service in the context \(context)", help: help(inPlan))
                }
                result.formUnion(found)
            case .tag(let tag):
                let found = names.filter { tags[$0]?.contains(tag) ?? false }
                guard !found.isEmpty else { throw CommandError("no service has the tag \(tag)", help: help(inPlan)) }
                result.formUnion(found)
            }
        }
        return result.sorted()
    }

    private func help(_ inPlan: Bool) -> String {
        inPlan ? "`heroproc diff -v` lists all services" : "`heroproc status` lists all services"
    }
}
