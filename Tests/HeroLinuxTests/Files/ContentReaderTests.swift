import Foundation
import Glibc
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

@Suite("Content of files")
struct ContentReaderTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = try makeTemporaryDirectory("hp-content")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory)
    }

    private func digest(_ path: String, _ reader: ContentReader = ContentReader(key: nil)) -> String? {
        reader.read([ContentReference(path, .file)])[0]
    }

    private func write(_ bytes: Int, to path: String) throws {
        try Data(repeating: UInt8(ascii: "a"), count: bytes).write(to: URL(filePath: path))
    }

    /// The digests are those of `sha256sum`.
    @Test(
        "The digest of a file is its SHA-256, at every length around a block",
        arguments: [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
            (55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
            (56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
            (64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
            (1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ]
    )
    func knownDigests(bytes: Int, digits: String) throws {
        try withDirectory { directory in
            try write(bytes, to: directory + "/file")
            #expect(digest(directory + "/file") == "sha256:" + digits)
        }
    }

    @Test("A file is read again when it was changed, also to the same size")
    func changes() throws {
        try withDirectory { directory in
            let (path, reader) = (directory + "/file", ContentReader(key: nil))
            try "one".write(toFile: path, atomically: false, encoding: .utf8)
            let first = digest(path, reader)
            try "two".write(toFile: path, atomically: false, encoding: .utf8)
            #expect(digest(path, reader) != first)
            try "one".write(toFile: path, atomically: true, encoding: .utf8)
            #expect(digest(path, reader) == first)
        }
    }

    @Test("Pipes, devices and dangling links have no content and block nothing")
    func specialFiles() throws {
        try withDirectory { directory in
            try #require(mkfifo(directory + "/pipe", 0o600) == 0)
            try #require(symlink("nowhere", directory + "/link") == 0)
            for path in [directory + "/pipe", directory + "/link", "/dev/null", directory + "/missing"] {
                #expect(digest(path) == nil)
            }
        }
    }

    @Test("Names and contents of the regular files decide about a directory")
    func directory() throws {
        try withDirectory { directory in
            try write(1, to: directory + "/a")
            let first = digest(directory)
            try #require(mkfifo(directory + "/pipe", 0o600) == 0)
            mkdir(directory + "/folder", 0o700)
            try write(1, to: directory + "/folder/b")
            #expect(digest(directory) == first)
            try #require(rename(directory + "/a", directory + "/b") == 0)
            #expect(digest(directory) != first)
        }
    }

    @Test("Of files over 16 MiB size and time count, also in a directory")
    func largeFiles() throws {
        try withDirectory { directory in
            try write(1, to: directory + "/file")
            try #require(truncate(directory + "/file", 16 << 20) == 0)
            #expect(digest(directory + "/file")?.hasPrefix("sha256:") == true)
            try #require(truncate(directory + "/file", (16 << 20) + 1) == 0)
            #expect(digest(directory + "/file").map(RecordedContent.isLarge) == true)
            #expect(digest(directory).map(RecordedContent.isLarge) == true)
        }
    }
}
