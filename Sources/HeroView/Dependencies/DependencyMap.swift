public import HeroJSON
public import HeroModel

/// The dependencies between services, with the state of each: the input of `tree` and `graph`.
public struct DependencyMap: Hashable, Sendable {
    /// How one service depends on another.
    public enum Relation: String, Hashable, Sendable, CaseIterable {
        /// The dependency must be up; its stop cascades to the dependent.
        case requires
        /// Started after it, if it is declared.
        case wants
        /// Started after it.
        case after
        /// Never up at the same time.
        case conflicts
    }

    /// One service.
    public struct Node: Hashable, Sendable {
        /// The service.
        public var name: QualifiedName
        /// The status that its manifest declares.
        public var wanted: DesiredStatus
        /// The state; nil if it was never applied.
        public var state: ServiceState?
        /// The number of its start wave in the whole set, from 1; nil if it is not started.
        public var wave: Int?
        /// The declared services that it names, by relation, in the order of the manifest.
        public var relations: [Relation: [QualifiedName]]

        /// Creates a node.
        public init(_ spec: ServiceSpec, state: ServiceState?, wave: Int?, isDeclared: (QualifiedName) -> Bool) {
            name = spec.name
            wanted = spec.status
            self.state = state
            self.wave = wave
            relations = [
                .requires: spec.requires.filter(isDeclared), .wants: spec.wants.filter(isDeclared),
                .after: spec.after.filter(isDeclared), .conflicts: spec.conflicts.filter(isDeclared),
            ]
        }

        /// The services after which it starts, requirements first, each once.
        func dependencies() -> [(relation: Relation, name: QualifiedName)] {
            var seen: Set<QualifiedName> = []
            return [Relation.requires, .wants, .after].flatMap { relation in
                (relations[relation] ?? []).filter { seen.insert($0).inserted }.map { (relation, $0) }
            }
        }
    }

    /// The services, by name.
    public private(set) var nodes: [QualifiedName: Node]

    /// Creates a map.
    public init(_ nodes: [Node]) {
        self.nodes = Dictionary(nodes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The services in the order of their names.
    public var sorted: [Node] { nodes.values.sorted { $0.name < $1.name } }

    /// The services after which no other service starts.
    var roots: [QualifiedName] {
        var isBelow: Set<QualifiedName> = []
        for node in nodes.values {
            for (_, name) in node.dependencies() where name != node.name { isBelow.insert(name) }
        }
        return nodes.keys.filter { !isBelow.contains($0) }.sorted()
    }

    /// Only a service and its direct and indirect dependencies.
    public func subgraph(_ name: QualifiedName) -> DependencyMap {
        var found: [QualifiedName: Node] = [:]
        var pending = [name]
        while let next = pending.popLast() {
            guard found[next] == nil, let node = nodes[next] else { continue }
            found[next] = node
            pending += node.dependencies().map(\.name)
        }
        return DependencyMap(Array(found.values))
    }

    /// `heroproc/tree/v1`.
    public var json: JSONValue {
        [
            "schema": "heroproc/tree/v1",
            "services": .array(sorted.map(Self.json)),
        ]
    }

    private static func json(_ node: Node) -> JSONValue {
        let relationMembers = Relation.allCases.map { relation in
            let names = (node.relations[relation] ?? []).map { JSONValue.string($0.description) }
            return JSONValue.Member(relation.rawValue, .array(names))
        }
        return .object(
            [
                .init("service", .string(node.name.description)), .init("wanted", .string(node.wanted.rawValue)),
                .init("state", JSONValue(node.state?.rawValue)), .init("wave", JSONValue(node.wave)),
            ] + relationMembers
        )
    }
}
