import Foundation
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

@Suite("Watched files", .ownThread)
struct ContentWatcherTests {
    private func withKernel(_ body: (String, LinuxKernel) throws -> Void) throws {
        let sandbox = try Sandbox()
        let directory = sandbox.folder + "/files"
        mkdir(directory, 0o700)
        try body(directory, try sandbox.kernel())
    }

    /// The files that are reported within a time.
    private func reported(_ kernel: LinuxKernel, within limit: Duration) -> [String]? {
        for event in kernel.nextEvents(until: kernel.now() + limit) {
            if case .contentChanged(let paths) = event { return paths }
        }
        return nil
    }

    private func write(_ text: String, to path: String, atomically: Bool = false) throws {
        try text.write(toFile: path, atomically: atomically, encoding: .utf8)
    }

    @Test("A file is reported when it is written, replaced, removed and created again")
    func oneFile() throws {
        try withKernel { directory, kernel in
            let path = directory + "/web.conf"
            try write("a", to: path)
            kernel.watchContents([path])
            let changes: [() throws -> Void] = [
                { try write("b", to: path) }, { try write("c", to: path, atomically: true) },
                { try #require(unlink(path) == 0) }, { try write("d", to: path) },
            ]
            for change in changes {
                try change()
                #expect(reported(kernel, within: .seconds(5)) == [path])
            }
            try write("x", to: directory + "/other")
            #expect(reported(kernel, within: .milliseconds(500)) == nil)
        }
    }

    @Test("Every link on the way is watched, as certificates and Kubernetes volumes have them")
    func links() throws {
        try withKernel { directory, kernel in
            for version in ["1", "2"] {
                mkdir(directory + "/" + version, 0o700)
                try write(version, to: directory + "/\(version)/tls.crt")
            }
            try #require(symlink("1", directory + "/..data") == 0)
            try #require(symlink("..data/tls.crt", directory + "/tls.crt") == 0)
            kernel.watchContents([directory + "/tls.crt"])
            try #require(symlink("2", directory + "/..data_tmp") == 0)
            try #require(rename(directory + "/..data_tmp", directory + "/..data") == 0)
            #expect(reported(kernel, within: .seconds(5)) == [directory + "/tls.crt"])
            // The old target no longer counts, the new one does.
            try write("x", to: directory + "/1/tls.crt")
            #expect(reported(kernel, within: .milliseconds(500)) == nil)
            try write("x", to: directory + "/2/tls.crt")
            #expect(reported(kernel, within: .seconds(5)) == [directory + "/tls.crt"])
        }
    }

    @Test("A file in a directory, a link in it and a replaced directory are reported")
    func directories() throws {
        try withKernel { directory, kernel in
            for name in ["archive", "live"] { mkdir("\(directory)/\(name)", 0o700) }
            try write("1", to: directory + "/archive/1.pem")
            try #require(symlink("../archive/1.pem", directory + "/live/cert.pem") == 0)
            let path = directory + "/live"
            kernel.watchContents([path])
            try write("2", to: directory + "/archive/1.pem")
            #expect(reported(kernel, within: .seconds(5)) == [path])
            try write("2", to: path + "/new.pem")
            #expect(reported(kernel, within: .seconds(5)) == [path])
            try #require(rename(path, directory + "/old") == 0)
            mkdir(path, 0o700)
            #expect(reported(kernel, within: .seconds(5)) == [path])
            try write("3", to: path + "/cert.pem")
            #expect(reported(kernel, within: .seconds(5)) == [path])
        }
    }

    @Test("A file in a missing directory is reported when it appears")
    func missing() throws {
        try withKernel { directory, kernel in
            let path = directory + "/a/b/web.conf"
            kernel.watchContents([path])
            mkdir(directory + "/a", 0o700)
            mkdir(directory + "/a/b", 0o700)
            try write("a", to: path)
            #expect(reported(kernel, within: .seconds(5)) == [path])
            try write("b", to: path)
            #expect(reported(kernel, within: .seconds(5)) == [path])
            kernel.watchContents([])
            try write("c", to: path)
            #expect(reported(kernel, within: .milliseconds(500)) == nil)
        }
    }
}
