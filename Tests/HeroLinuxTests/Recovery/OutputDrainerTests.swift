import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

/// Which pipes are read whose shim was lost.
@Suite(.ownThread) struct OutputDrainerTests {
    /// What a program without shim has open, and its identity.
    private func opened(_ text: String, _ look: (ProcessIdentity) throws -> Void) throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let start = StartID(job: 1, generation: 1)
        kernel.launch(sandbox.shellRequest(1, "cd \(sandbox.folder); \(text); touch ready; exec sleep 600"))
        let report = try kernel.awaitStart(1)
        #expect(eventually { readText("\(sandbox.folder)/ready") != nil })
        guard case .found(let record) = RecordFile.read(sandbox.paths.record(of: 1), job: 1) else { throw TimedOut() }
        #expect(kernel.signal(try #require(record.shim), .kill))
        try kernel.await("the orphan") { $0 == .shimLost(start, report) }
        try look(report.process)
        kernel.killTree(start)
        _ = try kernel.awaitEnd(1)
    }

    @Test("SH-4: both pipes of a program that has lost its shim are opened; each is read once")
    func pipes() throws {
        try opened(":") { process in
            let (output, errors) = OutputDrainer.openOutput(process)
            #expect(output != nil && errors != nil)
        }
        try opened("exec 2>&1") { process in
            let (output, errors) = OutputDrainer.openOutput(process)
            #expect(output != nil && errors == nil)
        }
    }

    @Test("SH-4: what a program has opened itself is nobody's but its own")
    func others() throws {
        try opened("mkfifo pipe; exec 1<>pipe 2>file") { process in
            let (output, errors) = OutputDrainer.openOutput(process)
            #expect(output == nil && errors == nil)
        }
        // A pipe that somebody reads, as a shell makes it.
        var (reader, writer): (Int32, Int32) = (-1, -1)
        try #require(hl_pipe(&reader, &writer, 4096) == 0)
        defer {
            close(reader)
            close(writer)
        }
        try opened("exec 1>/proc/\(getpid())/fd/\(writer) 2>/dev/null") { process in
            let (output, errors) = OutputDrainer.openOutput(process)
            #expect(output == nil && errors == nil)
        }
    }

    @Test("ID-2: another process with the same pid is left alone")
    func stranger() throws {
        try opened(":") { process in
            var other = process
            other.startTicks &+= 1
            let (output, errors) = OutputDrainer.openOutput(other)
            #expect(output == nil && errors == nil)
        }
    }
}
