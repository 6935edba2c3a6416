import Foundation
import HeroModel
import HeroStore
import Testing

@testable import HeroReconciler

/// The fixtures were written by the first version of the format: every later version must read them.
@Suite("The format of recovery records and control messages")
struct RecoveryRecordFormatTests {
    private func record(_ name: String) throws -> JobRecoveryRecord {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        let text = try Data(contentsOf: folder.appending(path: "recovery-record-\(name).json"))
        return try #require(JobRecoveryRecord(Array(contentDigest(text).utf8) + [UInt8(ascii: "\n")] + text))
    }

    @Test("A recovery record of a service job in the first format can be read")
    func serviceJob() throws {
        let record = try record("service-job")
        #expect(record.job.id == 2 && record.job.action == "run" && record.job.phase == .running)
        #expect(record.run?.id == 1 && record.standalone == nil)
        let service = try #require(record.service)
        #expect(service.name == QualifiedName("web") && service.isStartRequested && service.state == .starting)
        #expect(service.spec.actions.map(\.name) == ["seed", "run"])
        #expect(record.siblings.map(\.phase) == [.succeeded])
        #expect(record.siblings.first?.outcome == .exited(0))
        let action = try #require(record.action)
        #expect(action.isProcess && action.program == .exec(["/bin/sleep", "300"]))
        #expect(action.ready != nil && action.health?.interval == .seconds(60))
        #expect(action.retry.delay == .milliseconds(100))
    }

    @Test("A recovery record of a standalone job in the first format can be read")
    func standaloneJob() throws {
        let record = try record("standalone-job")
        #expect(record.job.id == 3 && record.service == nil)
        let standalone = try #require(record.standalone)
        #expect(standalone.name == QualifiedName("backup") && standalone.isScheduleActive)
        #expect(standalone.requestedRun == .none && !standalone.isRunQueued && standalone.job == 3)
        #expect(standalone.spec.runOn == .apply && standalone.spec.schedule?.timeZone == "UTC")
    }

    @Test("A record that is written and read again is the same and keeps its keys")
    func keys() throws {
        for name in ["service-job", "standalone-job"] {
            let record = try record(name)
            let bytes = try #require(record.bytes)
            #expect(JobRecoveryRecord(bytes) == record)
            let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
            let first = try Data(contentsOf: folder.appending(path: "recovery-record-\(name).json"))
            let written = Data(bytes.drop { $0 != UInt8(ascii: "\n") })
            // A later version may add keys, which earlier ones ignore.
            #expect(try keyPaths(written).isSuperset(of: keyPaths(first)))
        }
    }

    @Test("A control request of an earlier version can be read")
    func controlRequest() throws {
        let text = """
            {"verb": "apply", "directory": "/etc/web", "files": [{"path": "a.yaml", "folder": "/etc/web", "text": ""}],
            "actor": "root", "all": false, "prunes": true, "requiresCore": true, "only": [], "kills": false,
            "allowsProtected": false, "allowsDisruption": true, "variables": {},
            "promise": {"baseRevision": 3, "actions": {"core/web": "restart"}}}
            """
        let request = try #require(ControlCoding.request(Array(text.utf8)))
        #expect(request.verb == .apply && !request.kills && request.allowsDisruption)
        #expect(request.planExpectation?.baseRevision == 3)
    }

    /// All paths of keys in a JSON text.
    private func keyPaths(_ json: Data) throws -> Set<String> {
        var paths: Set<String> = []
        var open: [(String, Any)] = [("", try JSONSerialization.jsonObject(with: json))]
        while let (path, value) = open.popLast() {
            if let object = value as? [String: Any] {
                for (key, child) in object {
                    paths.insert("\(path).\(key)")
                    open.append(("\(path).\(key)", child))
                }
            } else if let list = value as? [Any] {
                for child in list { open.append(("\(path)[]", child)) }
            }
        }
        return paths
    }
}
