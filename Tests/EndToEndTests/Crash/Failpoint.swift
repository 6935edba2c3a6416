import Foundation
import Testing

/// A failpoint from `CHeroFailpoints.h`, which defines all of them.
struct Failpoint: Sendable, Hashable, CustomTestStringConvertible {
    /// The process that reaches the failpoint.
    enum ProcessRole: String, Sendable {
        case reconciler, shim, monitor
    }

    /// The name in `HEROPROC_FP`, such as `FP-ST-3`.
    let name: String
    let process: ProcessRole
    /// The steps before and after the failpoint.
    let summary: String

    var testDescription: String { "\(name): \(summary)" }

    /// All failpoints in the order of the header.
    static let all: [Failpoint] = {
        let header = repositoryRoot.appending(path: "Sources/CHeroFailpoints/include/CHeroFailpoints.h")
        let text = (try? String(contentsOf: header, encoding: .utf8)) ?? ""
        return text.matches(of: /POINT\((FP_\w+), (\w+), "([^"]+)"\)/).compactMap { found in
            ProcessRole(rawValue: String(found.2)).map {
                Failpoint(
                    name: found.1.replacingOccurrences(of: "_", with: "-"),
                    process: $0,
                    summary: String(found.3)
                )
            }
        }
    }()

    static func named(_ name: String) throws -> Failpoint {
        try #require(all.first { $0.name == name }, "unknown failpoint \(name)")
    }
}

/// The processes that the test kills while a process is stopped at a failpoint.
enum Victims: String, CaseIterable, Sendable {
    case reconciler, shim, both

    var includesReconciler: Bool { self != .shim }
    var includesShims: Bool { self != .reconciler }
}
