public import Foundation
import Glibc
import Testing

/// Creates an empty directory below `/tmp`; the caller removes it.
public func makeTemporaryDirectory(_ prefix: String) throws -> String {
    var template = Array("/tmp/\(prefix)-XXXXXX".utf8CString)
    return try #require(mkdtemp(&template).map { String(cString: $0) })
}

/// The path of a program that is built next to the tests.
public func builtProgram(_ name: String) -> String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(name).path
}

/// The root directory of this repository.
public let repositoryRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
