# AC-001 of SPEC-MODEL-001. The scenarios that are no outlines are the specification's, word for word.
Feature: Planning 작업 Claude Opus 라우팅

  Scenario: API 설계 요청 시 Tier 1 모델 사용
    Given 사용자가 인증된 상태이고
    And ModelRouter가 초기화된 상태에서
    When 사용자가 "API 설계해줘" 메시지를 전송하면
    Then TaskClassifier가 해당 메시지를 "planning" 작업으로 분류하고
    And ModelRouter가 Claude Opus 모델을 선택하고
    And 응답의 model_used 필드가 "claude-opus"이어야 한다
    And 응답의 tier 필드가 1이어야 한다

  Scenario: /moai:1-plan 명령 실행 시 Tier 1 모델 사용
    Given 사용자가 인증된 상태이고
    And ModelRouter가 초기화된 상태에서
    When 사용자가 "/moai:1-plan user authentication" 명령을 실행하면
    Then ModelRouter가 명령을 감지하고 Claude Opus를 강제 선택하고
    And classification_confidence가 1.0이어야 한다

  # The SPEC's test data: TIER1_TEST_CASES.
  Scenario Outline: Tier 1 분류 - <message>
    Given ModelRouter가 초기화된 상태에서
    When TaskClassifier가 "<message>" 메시지를 분류하면
    Then 응답의 tier 필드가 <tier>이어야 한다
    And 응답의 model_used 필드가 "claude-opus"이어야 한다

    Examples: TIER1_TEST_CASES
      | message                  | tier |
      | API 설계해줘             | 1    |
      | 아키텍처 결정 필요       | 1    |
      | /moai:1-plan auth system | 1    |
      | 기술 스택 비교 분석      | 1    |
      | 시스템 설계 전략 수립    | 1    |
