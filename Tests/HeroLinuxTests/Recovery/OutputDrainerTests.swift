import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

/// The pipes that are read after a shim was lost.
@Suite(.ownThread) struct OutputDrainerTests {
    /// Runs a program without its shim, and passes its identity to a closure.
    private func opened(_ text: String, _ check: (ProcessIdentity) throws -> Void) throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let start = StartID(job: 1, generation: 1)
        kernel.launch(sandbox.shellRequest(1, "cd \(sandbox.folder); \(text); touch ready; exec sleep 600"))
        let report = try kernel.awaitStart(1)
        #expect(waitUntil { readText("\(sandbox.folder)/ready") != nil })
        guard case .found(let record) = RecordReader.read(sandbox.paths.record(of: 1), job: 1) else {
            throw ConditionTimeout()
        }
        #expect(kernel.signal(try #require(record.shim), .kill))
        try kernel.await("the orphan") { $0 == .start(start, .shimLost(report)) }
        try check(report.process)
        kernel.killTree(start)
        _ = try kernel.awaitEnd(1)
    }

    @Test("Both pipes of a program without shim are opened once each (SH-4)")
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

    @Test("Files and pipes that a program has opened itself are not read (SH-4)")
    func otherFiles() throws {
        try opened("mkfifo pipe; exec 1<>pipe 2>file") { process in
            let (output, errors) = OutputDrainer.openOutput(process)
            #expect(output == nil && errors == nil)
        }
        // A pipe with a reader, as a shell creates it.
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

    @Test("The pipes of another process with the same PID are not opened (ID-2)")
    func otherProcess() throws {
        try opened(":") { process in
            var other = process
            other.startTicks &+= 1
            let (output, errors) = OutputDrainer.openOutput(other)
            #expect(output == nil && errors == nil)
        }
    }
}
