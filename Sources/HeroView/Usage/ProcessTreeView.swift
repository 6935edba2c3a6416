public import HeroJSON
import HeroModel

/// The processes of services as trees: below each service its actions, and below each action its processes.
public struct ProcessTreeView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// A line of a tree with the lines below it.
    private struct Node {
        var text: String
        var children: [Int]
    }

    /// The trees of all services and standalone actions of a report.
    public func text(_ report: UsageReport) -> String {
        let owners = report.services + report.standalone
        guard !owners.isEmpty else { return "No service was applied yet.\n" }
        return owners.map { text($0, report.now) }.joined()
    }

    private func text(_ owner: UsageReport.Owner, _ now: WallTime) -> String {
        var nodes: [Node] = []
        /// Adds a node and returns its index.
        func add(_ text: String) -> Int {
            nodes.append(Node(text: text, children: []))
            return nodes.count - 1
        }
        let root = add(owner.name.description.printable)
        for action in owner.actions {
            let name = action.name.printable
            let job = action.job.map { style.paint("  job \($0)", .dim) } ?? ""
            let place = add(name + job + note(action.tree))
            nodes[root].children.append(place)
            var places: [Int32: Int] = [:]
            for process in action.tree.processes {
                let index = add(line(process, now))
                places[process.pid] = index
                nodes[places[process.parent] ?? place].children.append(index)
            }
        }
        return draw(nodes)
    }

    private func note(_ tree: TreeUsage) -> String {
        if tree.total.processes == nil { return "  its processes are unknown: this user may not read them" }
        return tree.processes.isEmpty ? style.paint("  no process", .dim) : ""
    }

    private func line(_ process: ProcessUsage, _ now: WallTime) -> String {
        let age = process.startedAt.elapsed(until: now).shortText
        return "\(process.pid)  \(process.command.printable)" + style.paint("  \(age)", .dim)
    }

    private func draw(_ nodes: [Node]) -> String {
        var result = ""
        var pending: [(index: Int, lead: String, indent: String)] = [(0, "", "")]
        while let next = pending.popLast() {
            result += style.paint(next.lead, .dim) + nodes[next.index].text + "\n"
            let children = nodes[next.index].children
            for (position, child) in children.enumerated().reversed() {
                let isLast = position == children.count - 1
                let lead = next.indent + (isLast ? "└── " : "├── ")
                pending.append((child, lead, next.indent + (isLast ? "    " : "│   ")))
            }
        }
        return result
    }
}

extension ProcessTreeView {
    /// `heroproc/processes/v1`.
    public static func json(_ report: UsageReport) -> JSONValue {
        let ofServices = report.services.flatMap { owner in
            owner.actions.flatMap { json($0, owner.name.context, .string(owner.name.name)) }
        }
        let ofActions = report.standalone.flatMap { owner in
            owner.actions.flatMap { json($0, owner.name.context, .null) }
        }
        return ["schema": "heroproc/processes/v1", "processes": .array(ofServices + ofActions)]
    }

    private static func json(_ action: UsageReport.Action, _ context: String, _ service: JSONValue) -> [JSONValue] {
        action.tree.processes.map { process in
            let members: [JSONValue.Member] = [
                .init("context", .string(context)),
                .init("service", service),
                .init("action", .string(action.name)),
                .init("job_id", JSONValue(action.job)),
                .init("pid", JSONValue(process.pid)),
                .init("parent", JSONValue(process.parent)),
                .init("command", .string(process.command)),
                .init("started_at", .string(process.startedAt.description)),
            ]
            return .object(members + StatsView.members(process.usage))
        }
    }
}
