import Foundation
import Testing

/// A failpoint of the catalogue, as it stands in `CHeroFailpoints.h`: the one place that names them all.
struct Failpoint: Sendable, Hashable, CustomTestStringConvertible {
    /// Which process comes there.
    enum ProcessRole: String, Sendable {
        case reconciler, shim, keeper
    }

    /// As `HEROPROC_FP` wants it: `FP-ST-3`.
    let name: String
    let process: ProcessRole
    /// What has been done there, and what has not.
    let summary: String

    var testDescription: String { "\(name): \(summary)" }

    /// All of them, in the order of the header.
    static let all: [Failpoint] = {
        let root = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let header = root.appending(path: "Sources/CHeroFailpoints/include/CHeroFailpoints.h")
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
        try #require(all.first { $0.name == name }, "there is no \(name)")
    }
}

/// Who is killed while a process stands still at a failpoint.
enum Victims: String, CaseIterable, Sendable {
    case reconciler, shim, both

    var includesReconciler: Bool { self != .shim }
    var includesShims: Bool { self != .reconciler }
}
