import Foundation
import Testing

@testable import HeroLinux

/// What stands beside a record, and where a state directory may be.
@Suite("Files of the run directory and of the state directory")
struct RuntimeFileTests {
    private func inFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/hp-origin-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test("What is written is read, longer or shorter than before, and nothing else is left")
    func written() throws {
        try inFolder { folder in
            let path = folder + "/7.origin"
            #expect(JobRecoveryFile.read(path) == nil)
            for size in [10, 5000, 300, 0, 20_000] {
                let bytes = [UInt8](repeating: 0x41, count: size)
                #expect(JobRecoveryFile.write(bytes, to: path))
                #expect(JobRecoveryFile.read(path) == bytes)
                var file = stat()
                #expect(stat(path, &file) == 0 && file.st_size % 4096 == 0 && file.st_mode & 0o777 == 0o600)
            }
            var names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names == ["7.origin"])
            JobRecoveryFile.remove(path)
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names == [])
        }
    }

    @Test("DB-4: where no new file can be made, the one that is there is overwritten")
    func overwritten() throws {
        try inFolder { folder in
            let path = folder + "/7.origin"
            #expect(JobRecoveryFile.write([1, 2, 3], to: path))
            // The draft cannot be made: something that is no file has its name.
            mkdir(path + ".new", 0o700)
            #expect(JobRecoveryFile.write([4, 5, 6, 7], to: path))
            #expect(JobRecoveryFile.read(path) == [4, 5, 6, 7])
            #expect(!JobRecoveryFile.write([UInt8](repeating: 1, count: 9000), to: path), "it has no room for that")
            #expect(JobRecoveryFile.read(path) == [4, 5, 6, 7])
        }
    }

    @Test("DB-7: network and user-space file systems are refused by what the kernel calls them; local ones are not")
    func fileSystems() throws {
        let table: [(UInt32, String?)] = [
            (0x6969, "NFS"), (0xff53_4d42, "CIFS"), (0xfe53_4d42, "SMB2"), (0x0102_1997, "9p"), (0x6573_5546, "FUSE"),
            (0x00c3_6400, "Ceph"), (0xef53, nil), (0x0102_1994, nil), (0x5846_5342, nil), (0x9123_683e, nil),
            (0x794c_7630, nil), (0x2fc1_2fc1, nil),
        ]
        for (magic, name) in table { #expect(FileSystem(magic: magic).unsupportedName == name) }
        // The nearest directory that exists counts.
        #expect(FileSystem.containing("/proc/self/no/such/place")?.magic == 0x9fa0)
        #expect(FileSystem.containing("/") != nil)
    }

    @Test("The jobs on record are told by their names, and so is the highest one that ever left a log")
    func names() throws {
        try inFolder { folder in
            let paths = RuntimePaths(state: folder + "/state", uid: 1, environment: ["XDG_RUNTIME_DIR": folder])
            let logs = paths.logs + "/core/web/run"
            for path in [paths.jobs, logs] {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
            for name in ["3", "3.origin", "12.retired", "12", "7.script", "x", "0", "-4", "9.origin.new"] {
                try Data().write(to: URL(fileURLWithPath: "\(paths.jobs)/\(name)"))
            }
            #expect(JobRuntimeFiles.jobsWithFiles(paths) == [3, 7, 9, 12])
            #expect(JobRuntimeFiles.highestJob(paths) == 12)
            for name in ["40.log", "41.log.3", "junk", "99.txt"] {
                try Data().write(to: URL(fileURLWithPath: "\(logs)/\(name)"))
            }
            #expect(JobRuntimeFiles.highestJob(paths) == 41)
        }
    }

    @Test("DB-4: what is wrong with the database is told and taken back in one small file")
    func trouble() throws {
        try inFolder { folder in
            let paths = RuntimePaths(state: folder + "/state", uid: 1, environment: ["XDG_RUNTIME_DIR": folder])
            try FileManager.default.createDirectory(atPath: paths.run, withIntermediateDirectories: true)
            #expect(ReconcilerStatusFile.storeOutage(paths) == nil)
            ReconcilerStatusFile.write(nil, to: paths.storeOutageFile)
            #expect(ReconcilerStatusFile.storeOutage(paths) == nil)
            ReconcilerStatusFile.write("the disk is full", to: paths.storeOutageFile)
            #expect(ReconcilerStatusFile.storeOutage(paths) == "the disk is full")
            ReconcilerStatusFile.write(String(repeating: "x", count: 5000), to: paths.storeOutageFile)
            #expect(ReconcilerStatusFile.storeOutage(paths)?.count == 1023)
            ReconcilerStatusFile.write(nil, to: paths.storeOutageFile)
            #expect(ReconcilerStatusFile.storeOutage(paths) == nil)
        }
    }
}
