import Glibc
import HeroModel
import Synchronization
import TestSupport
import Testing

@testable import HeroLinux

@Suite("Resources of running processes")
struct ProcessUsageTests {
    @Test("The memory of a blocked process is unknown, and the other processes are read")
    func skipsBlockedProcess() {
        let hasRead = Mutex<[Int32]>([])
        let memory = MemoryReader.readMemory(of: [1, 2, 3, 4], timeLimit: 200) { pid in
            if pid == 2 { while true { pause() } }
            hasRead.withLock { $0.append(pid) }
            return pid == 3 ? nil : Int64(pid) * 100
        }
        #expect(memory == [1: 100, 4: 400])
        #expect(hasRead.withLock { $0 } == [1, 3, 4])
    }

    @Test("Without processes no memory is read")
    func readsNothing() {
        #expect(MemoryReader.readMemory(of: []) { _ in Int64(1) } == [:])
    }

    @Test("A job without a record is read from its main process")
    func readsMainProcess() throws {
        let helper = try HelperProcess(["/bin/sh", "-c", "sleep 600 & wait"])
        #expect(waitUntil { ProcessTable.descendants(of: helper.pid).count == 1 })
        // It is no child of this process, so nothing else ends it.
        defer { for pid in ProcessTable.descendants(of: helper.pid) { kill(pid, SIGKILL) } }
        let sandbox = try Sandbox()
        let jobs = [
            ProcessUsageReader.Job(id: 1, main: helper.pid), ProcessUsageReader.Job(id: 2, main: nil),
            ProcessUsageReader.Job(id: 3, main: .max),
        ]
        let trees = ProcessUsageReader.readTrees(of: jobs, sandbox.paths)
        let total = try #require(trees[1]?.total)
        #expect(total.processes == 2)
        #expect(total.threads == 2)
        #expect(total.memory ?? 0 > 0)
        #expect(total.descriptors ?? 0 > 0)
        #expect(trees[1]?.processes.first?.pid == helper.pid)
        #expect(trees[1]?.processes.last?.parent == helper.pid)
        #expect(trees[2]?.total == ResourceUsage.none)
        #expect(trees[3]?.total == ResourceUsage.none)
    }
}
