import CHeroServer
import HeroJSON
import HeroLinux
import Synchronization

/// The use of resources in the last hour: one sample every 15 seconds, in memory only.
final class UsageHistory: Sendable {
    private struct Sample {
        var cpuMicroseconds: Int64?
        /// Thousandths of a processor since the sample before; nil for the first one and if it is unknown.
        var load: Int64?
        var memory: Int64?
    }

    private static let interval: Int64 = 15_000
    private static let sampleCount = 240

    private let samples = Mutex<[String: [Sample]]>([:])

    /// Takes samples in a thread of its own until the program ends.
    func start(_ data: ServerData) {
        // Without the thread there are no lines of the last hour; everything else works.
        _ = startThread { [self] in
            while true {
                takeSample(data)
                hs_pause(Int32(Self.interval))
            }
        }
    }

    private func takeSample(_ data: ServerData) {
        guard let usage = try? data.usage() else { return }
        add(usage.items("services"))
    }

    /// Adds a sample for each service; forgets services that do not exist any more.
    func add(_ totals: [JSONValue]) {
        samples.withLock { samples in
            var next: [String: [Sample]] = [:]
            for service in totals {
                let name = service.qualifiedName
                var own = samples[name, default: []].suffix(Self.sampleCount - 1)
                let time = service.integer(of: "cpu_microseconds")
                var load: Int64?
                // A new process begins at zero.
                if let time, let before = own.last?.cpuMicroseconds { load = max(0, time &- before) / Self.interval }
                own.append(Sample(cpuMicroseconds: time, load: load, memory: service.integer(of: "memory_bytes")))
                next[name] = Array(own)
            }
            samples = next
        }
    }

    /// The samples of some services.
    func json(_ services: [JSONValue]) -> JSONValue {
        let all = samples.withLock { $0 }
        return [
            "interval_ms": .integer(Self.interval),
            "services": .array(
                services.map { service in
                    let own = all[service.qualifiedName] ?? []
                    return [
                        "context": service["context"] ?? .null, "name": service["name"] ?? .null,
                        "cpu": .array(own.map { JSONValue($0.load) }),
                        "memory": .array(own.map { JSONValue($0.memory) }),
                    ]
                }
            ),
        ]
    }
}
