# AC-006 of SPEC-MODEL-001, word for word. GLM is a vendor on loopback here: what it is told is checked, what a real one
# would make of it is not. The 50 messages are in tests/cases/session/design.txt.
Feature: 컨텍스트 전환 및 정보 보존

  Scenario: Tier 1에서 Tier 2로 전환
    Given Claude Opus로 SPEC 설계가 완료된 상태에서
    And 대화 히스토리에 설계 결정 사항이 포함된 상태에서
    When Implementation 작업으로 GLM-4.7로 전환하면
    Then 핵심 설계 결정 사항이 컨텍스트에 포함되어야 하고
    And GLM-4.7이 설계 내용을 인식하고 구현해야 한다

  Scenario: 컨텍스트 압축 효율성
    Given 50개 메시지의 대화 히스토리가 있는 상태에서
    When 모델 전환이 발생하면
    Then 컨텍스트가 압축되어 핵심 정보만 전달되고
    And 압축된 컨텍스트 크기가 원본의 30% 이하이어야 한다
    And 핵심 결정 사항, SPEC ID, 현재 작업 상태가 보존되어야 한다
