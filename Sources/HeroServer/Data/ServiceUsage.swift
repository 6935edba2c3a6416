import HeroJSON
import HeroLinux

/// The processes of services, and what they use.
struct ServiceUsage {
    private struct Entry {
        var service: JSONValue
        var action: String
        var processes: [ProcessUsage]
    }

    private let services: [JSONValue]
    private let entries: [Entry]

    /// Reads the processes of services of a status document.
    init(_ services: [JSONValue]) {
        self.services = services
        var mains: [(service: JSONValue, action: String, pid: Int32)] = []
        for service in services {
            for action in service.items("actions") {
                guard let pid = action.integer(of: "pid").flatMap({ Int32(exactly: $0) }) else { continue }
                mains.append((service, action.text(of: "name") ?? "", pid))
            }
        }
        let trees = ProcessUsageReader.readTrees(of: mains.map(\.pid))
        entries = mains.map { Entry(service: $0.service, action: $0.action, processes: trees[$0.pid] ?? []) }
    }

    /// The sum for each service.
    var totals: [JSONValue] {
        var byName: [String: [ProcessUsage]] = [:]
        for entry in entries { byName[entry.service.qualifiedName, default: []] += entry.processes }
        return services.map { service in
            let processes = byName[service.qualifiedName] ?? []
            return [
                "context": service["context"] ?? .null, "name": service["name"] ?? .null,
                "cpu_microseconds": JSONValue(processes.reduce(0) { $0 + $1.cpuMicroseconds }),
                "memory_bytes": JSONValue(Self.sum(processes.map(\.memory))),
                "processes": JSONValue(processes.count),
                "threads": JSONValue(processes.reduce(0) { $0 + $1.threads }),
                "descriptors": JSONValue(Self.sum(processes.map(\.descriptors))),
            ]
        }
    }

    /// All processes.
    var processes: [JSONValue] {
        entries.flatMap { entry in
            entry.processes.map { process in
                [
                    "pid": JSONValue(process.pid), "parent": JSONValue(process.parent),
                    "action": .string(entry.action), "command": .string(process.command),
                    "cpu_microseconds": JSONValue(process.cpuMicroseconds),
                    "memory_bytes": JSONValue(process.memory), "threads": JSONValue(process.threads),
                    "descriptors": JSONValue(process.descriptors),
                ]
            }
        }
    }

    /// The sum of the known numbers; nil if none is known.
    private static func sum(_ numbers: [Int64?]) -> Int64? {
        let known = numbers.compactMap { $0 }
        return known.isEmpty && !numbers.isEmpty ? nil : known.reduce(0, +)
    }
}
