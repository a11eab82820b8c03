# AC-005 of SPEC-MODEL-001, word for word.
Feature: Fallback 시스템

  Scenario: Tier 1 모델 실패 시 Tier 2로 Fallback
    Given Claude Opus API가 503 에러를 반환하는 상태에서
    When Planning 작업 요청이 발생하면
    Then 시스템이 GLM-4.7로 Fallback하고
    And 응답 메타데이터에 "fallback: true"가 포함되어야 한다
    And 사용자에게 Fallback 사용 알림이 전달되어야 한다

  Scenario: 모든 모델 실패 시 에러 반환
    Given Claude Opus와 GLM-4.7 모두 API 에러 상태에서
    When 요청이 발생하면
    Then 적절한 에러 메시지가 반환되어야 한다
    And 에러 로그에 시도된 모든 모델이 기록되어야 한다

  Scenario: Rate Limit 시 백오프 및 재시도
    Given API가 429 Rate Limit 에러를 반환하는 상태에서
    When 요청이 발생하면
    Then 시스템이 지수 백오프로 재시도하고
    And 최대 3회 재시도 후 Fallback을 시도해야 한다
