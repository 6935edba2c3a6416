import Foundation
import TestSupport

/// The directory of one test; it is removed when this object is deallocated.
final class TestDirectory {
    let path: String

    init() throws {
        path = try makeTemporaryDirectory("hero-store")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var database: String { path + "/heroproc.db" }

    /// The bytes of all files by name, without the shared memory index.
    func contents() throws -> [String: Data] {
        var result: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: path) where !name.hasSuffix("-shm") {
            let data = try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))
            // A reader may leave an empty log.
            if !data.isEmpty { result[name] = data }
        }
        return result
    }
}
